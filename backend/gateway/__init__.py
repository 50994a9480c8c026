"""Takes a request from a model name to an answer: resolves, admits, runs the turn."""
