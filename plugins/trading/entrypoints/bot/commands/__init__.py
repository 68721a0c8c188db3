"""One file for each command; it declares `COMMAND`, and the registry finds it."""
