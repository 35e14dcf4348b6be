"""CAP: text to values and back. Knows no shapes and no hub."""
