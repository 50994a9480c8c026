"""Placing a turn in a chat at the site."""
