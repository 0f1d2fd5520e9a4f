"""Programs optimised as a whole and by a profile: `scripts/release`, and what `scripts/bench rpc` measures."""
