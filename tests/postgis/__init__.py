"""The same questions to PostGIS: `make postgis`."""
