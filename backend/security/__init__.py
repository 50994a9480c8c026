"""Who may reach the gateway."""
