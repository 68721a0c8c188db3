"""Data vendors, one file or a few each; every one of them speaks through `adapters.http`."""
