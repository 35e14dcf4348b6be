"""HTTP: the only place that knows aiohttp."""
