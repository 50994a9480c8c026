"""Provider on a chat page in browsers, with one account or many."""
