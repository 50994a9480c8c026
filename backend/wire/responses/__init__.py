"""Translates OpenAI's Responses API to and from its chat completions. Pure."""
