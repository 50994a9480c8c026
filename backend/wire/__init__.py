"""OpenAI request and response types, and their translation. Pure."""
