"""From a model name to an ordered list of endpoints to try."""
