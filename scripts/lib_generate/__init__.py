"""Writes the C and the Swift side of proto/**.proto. Entry point: scripts/generate."""
