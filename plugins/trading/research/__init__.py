"""search space → trials → windows → how much to believe: parameter search and walk-forward. Pure."""
