"""Which symbols are parked, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading.domain.gates import Gate, Parking
from trading.domain.instruments import Symbol


def parked_lines(parked: Mapping[Symbol, Sequence[Parking]]) -> list[str]:
    """Return for each gate that holds a symbol: since when, what was seen, what a person may do, what opens it."""
    lines = []
    for symbol, gates in sorted(parked.items()):
        for parking in gates:
            rule = parking.rule
            lines.append(f"parked: {symbol} {parking.gate} since {parking.since:%Y-%m-%d %H:%M}Z: {rule.sentence}")
            lines.append(f"  seen: {parking.detail}")
            word = " --confirm|--deny" if parking.gate is Gate.SPLIT_WITHOUT_JUMP else ""
            by_hand = f", or: ./airdesk data release {symbol} {parking.gate}{word} --why …" if rule.by_person else ""
            lines.append(f"  opens when {rule.clears}{by_hand}; {rule.action}")
    return lines
