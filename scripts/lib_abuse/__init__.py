"""Hostile peers for an RPC server, and what is expected of it."""
