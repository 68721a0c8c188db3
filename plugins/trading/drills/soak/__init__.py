"""The fault soak: weeks of hours with seeded faults of every family, and a judge that reads what is left."""
