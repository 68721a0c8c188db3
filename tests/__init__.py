"""The test suite; a package, so that a foreign top-level `tests` cannot shadow it."""
