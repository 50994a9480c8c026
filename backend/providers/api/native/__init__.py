"""APIs that clients speak to the gateway too, whose requests and answers are passed on as they are."""
