"""Logs and the request id that runs through them."""
