"""What serves an endpoint while it is started."""
