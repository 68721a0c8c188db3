"""Airdesk: bar → features → signal → target → order → fill → lot."""

__version__ = "0.1.0"
