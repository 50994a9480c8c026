"""HTTP routers, one subject each, and how errors and streams look on the wire."""
