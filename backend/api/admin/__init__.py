"""Routes for operators: endpoints, accounts, rotations, conversations, usage, metrics."""
