"""Nouns of the desk: frozen records, their states and their legal transitions.

Standard library only, except `panel` and `signals`, which hold NumPy arrays. No clock, no I/O.
"""
