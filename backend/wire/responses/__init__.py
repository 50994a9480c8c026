"""OpenAI's Responses API, in and out of its chat completions. Pure."""
