"""The one HTTP layer of all vendors: paced, bounded, typed and without secrets in anything that leaves it."""

from trading.adapters.http.client import HttpClient
from trading.adapters.http.redaction import redact
from trading.adapters.http.reply import Kind, Reply
from trading.adapters.http.terms import KeyPlace, VendorTerms
from trading.errors import (
    CircuitOpen,
    NotEntitled,
    QuotaExhausted,
    UnknownSymbol,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.ports.calls import CallLedger, Quota

__all__ = [
    "CallLedger",
    "CircuitOpen",
    "HttpClient",
    "KeyPlace",
    "Kind",
    "NotEntitled",
    "Quota",
    "QuotaExhausted",
    "Reply",
    "UnknownSymbol",
    "VendorError",
    "VendorRateLimited",
    "VendorRefused",
    "VendorTerms",
    "VendorUnavailable",
    "redact",
]
