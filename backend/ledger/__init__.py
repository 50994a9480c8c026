"""Usage and cost of requests."""
