"""Access guards: authentication, rate limit, body limit, origins and hosts."""
