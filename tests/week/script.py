"""What happens in the week beside the market: a person's answers and commands, and what breaks."""

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
        """Let the person tap the newest button with this label, and wait for the answer."""
        ...

    def tell_gateway(self, command: str, **arguments: Any) -> None:
        """Give the paper gateway a control command."""
        ...

    def vendor_loses(self, *symbols: str) -> None:
        """Let the vendor of bars fail for these symbols from now on; none: it is whole again."""
        ...


@dataclass(frozen=True)
class Scene:
    """Something that happens before an hour.

    Attributes:
        day: of the week, 0 is Monday. hour: of the session, 0 is 10:30.
        told: the line of the transcript.
    """

    day: int
    hour: int
    told: str
    act: Callable[[Parts], None]


SCENES = (
    Scene(0, 2, "The person asks how things stand.", lambda p: [p.types(w) for w in ("/status", "/positions", "/next")]),
    Scene(1, 4, "The gateway restarts and is away for 30 s.", lambda p: p.tell_gateway("restart", down_seconds=30)),
    Scene(2, 1, "The vendor answers 500 for the bars of AMD.", lambda p: p.vendor_loses("AMD")),
    Scene(2, 3, "The vendor is whole again.", lambda p: p.vendor_loses()),
    Scene(2, 5, "The person halts the desk.", lambda p: p.types("/halt going out")),
    Scene(2, 6, "The person comes back.", lambda p: [p.types("/resume back at the desk"), p.taps("Confirm")]),
    Scene(3, 2, "The person asks why.", lambda p: [p.types("/why TSLA"), p.types("/pnl")]),
    Scene(3, 4, "Somebody buys 5 GLD at the broker, past the desk.",
          lambda p: p.tell_gateway("foreign_order", symbol="GLD", action="BUY", quantity=5)),
)  # fmt: skip
