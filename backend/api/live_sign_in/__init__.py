"""Routes of sign-ins by a person: their state, the live view's page and its socket."""
