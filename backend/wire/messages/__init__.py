"""Anthropic's Messages API, in and out of OpenAI's chat completions. Pure."""
