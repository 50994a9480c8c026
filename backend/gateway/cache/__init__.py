"""Cache of answers, and coalescing of equal requests in flight."""
