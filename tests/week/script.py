"""What happens in the week beside the market: a person's words and taps, and what breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Parts(Protocol):
    """What the script may touch."""

    def types(self, text: str) -> None:
        """Let the person type, and wait for the answer."""
        ...

    def taps(self, label: str) -> None:
        """Let the person tap the newest button with this label, and wait for what comes of it."""
        ...

    def gateway_does(self, command: str, **arguments: Any) -> None:
        """Give the paper gateway a control command."""
        ...

    def commands(self, *words: str) -> None:
        """Let the person run `./airdesk` with these words; what it prints goes into the transcript."""
        ...

    def vendor_loses(self, *symbols: str) -> None:
        """Let the vendor of bars fail for these symbols from now on; for none: it is whole again."""
        ...


@dataclass(frozen=True)
class Scene:
    """Something that happens before an hour.

    Attributes:
        day: of the week, 0 is Monday. hour: of the session, 0 is the one that ends at 10:30.
        told: the line of the transcript.
    """

    day: int
    hour: int
    told: str
    act: Callable[[Parts], None]


def _looks(parts: Parts) -> None:
    for words in ("/status", "/positions", "/next"):
        parts.types(words)


def _restarts(parts: Parts) -> None:
    parts.gateway_does("restart", down_seconds=30)


def _loses_amd(parts: Parts) -> None:
    parts.vendor_loses("AMD")


def _is_whole(parts: Parts) -> None:
    parts.vendor_loses()


def _halts(parts: Parts) -> None:
    parts.types("/halt going out")


def _resumes(parts: Parts) -> None:
    parts.types("/resume back at the desk")
    parts.taps("Do it")


def _asks_why(parts: Parts) -> None:
    parts.types("/why TSLA")
    parts.types("/pnl")


def _buys_by_hand(parts: Parts) -> None:
    parts.gateway_does("foreign_order", symbol="GLD", side="BUY", quantity=5)


def _adopts(parts: Parts) -> None:
    parts.commands("reconcile", "adopt", "1", "--reason", "bought by hand, keep them")


SCENES = (
    Scene(0, 2, "The person asks how things stand.", _looks),
    Scene(1, 4, "The gateway restarts, and is away for 30 seconds.", _restarts),
    Scene(2, 1, "The vendor answers 500 for the bars of AMD.", _loses_amd),
    Scene(2, 3, "The vendor is whole again.", _is_whole),
    Scene(2, 5, "The person halts the desk.", _halts),
    Scene(2, 6, "The person comes back.", _resumes),
    Scene(3, 2, "The person asks why.", _asks_why),
    Scene(3, 4, "Somebody buys 5 GLD in the account, past the desk.", _buys_by_hand),
    Scene(4, 1, "The person leaves them to the account, out of the book.", _adopts),
)
