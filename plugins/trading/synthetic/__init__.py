"""The SYNTHETIC market: a deterministic generator and the sources that serve it."""
