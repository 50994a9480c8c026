"""Builds the container image and asks a page in it: ``python -m tools.image.run``."""
