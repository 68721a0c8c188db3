"""Interactive Brokers through ib_insync 0.9.86: the one place that speaks the broker's words."""

from trading.adapters.ibkr.broker import IbkrBroker, IbkrGate

__all__ = ["IbkrBroker", "IbkrGate"]
