"""Decoders of the streams of known chat UIs. A new one is named in decoders/registry.py and profiles/wire_format.py."""
