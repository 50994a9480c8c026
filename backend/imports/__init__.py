"""Import of endpoints and rotations from files."""
