"""Interactive Brokers through ib_insync or ib_async: the one place that speaks the broker's words."""

from trading.adapters.ibkr.broker import IbkrBroker
from trading.adapters.ibkr.gate import IbkrGate

__all__ = ["IbkrBroker", "IbkrGate"]
