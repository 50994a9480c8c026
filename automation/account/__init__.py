"""An account's browser context and its session."""
