"""Reading chat bodies and writing streams, as several dialects need it."""
