"""Selector profiles: what a chat page looks like, as data."""
