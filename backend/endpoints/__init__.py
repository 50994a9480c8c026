"""Endpoints: their states, their tasks, their collection."""
