"""Tools and JSON answers at pages, which know neither."""
