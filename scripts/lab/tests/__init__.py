"""What a rack does when things go wrong, with real processes. Run by scripts/test."""
