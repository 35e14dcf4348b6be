"""Sources: alerts that are not posted but fetched. Each has its own area and trust, and is named aloud."""
