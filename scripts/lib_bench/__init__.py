"""What scripts/bench does: builds the servers, loads them in turns, and prints what they cost."""
