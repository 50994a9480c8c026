"""Drives web chat pages in real browsers."""
