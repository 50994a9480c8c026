"""Runs the command line: ``python -m backend.cli``."""

from backend.cli.commands import app

if __name__ == "__main__":
    app()
