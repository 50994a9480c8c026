"""The gateway: OpenAI-compatible HTTP in front of providers, with their lifecycle."""

__version__ = "0.1.0"
