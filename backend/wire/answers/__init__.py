"""Reads what providers answer, whatever types its values have: fields, numbers, calls of tools, why it ended."""
