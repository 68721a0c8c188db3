"""Pages that are made of the code: `make docs` writes them, `tests/docs` compares them."""
