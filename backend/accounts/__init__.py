"""Accounts: secrets, signed-in sessions, states and selection."""
