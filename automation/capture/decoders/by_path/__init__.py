"""Decoders driven by a profile's paths, for JSON of no known dialect."""
