"""Dialects of API providers: how each words requests and answers. A new one is named in providers/api/opener.py and presets.py."""
