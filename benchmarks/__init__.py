"""Named cases, versioned inputs, candidate and reference in one run: `make bench`."""
