"""Secrets and signed-in sessions of accounts."""
