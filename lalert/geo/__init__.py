"""Shapes and codes: boundary data, areas, mesh cells. Knows no CAP documents and no hub."""
