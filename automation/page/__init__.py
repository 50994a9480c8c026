"""A chat page from outside: DevTools channels, the agent in it, clicks and keys, signs of life."""
