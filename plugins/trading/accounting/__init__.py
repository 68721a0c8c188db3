"""fill → lot: lots, wash-sale windows, performance, reconciliation. Pure."""
