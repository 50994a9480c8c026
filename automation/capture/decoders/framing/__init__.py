"""Framing shared by decoders: event streams, lines, sockets, whole bodies."""
