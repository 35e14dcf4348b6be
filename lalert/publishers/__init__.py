"""One module per way out: an entry as that way needs it."""
