"""From a model name to an answer: resolve, admit, run the turn."""
