"""Halt, reduce and resume from the page: the functions of the command, with the name of who is logged in."""

from __future__ import annotations

from typing import Any

from trading.domain.instruments import BookKind
from trading.domain.portfolio import TradingState
from trading.entrypoints.desk_page.access import Person
from trading.entrypoints.desk_page.desk import BookChoice, Desk
from trading.errors import PermanentError
from trading.reporting.wording import counted
from trading.tasks.effects import Effect, Switch, effect_of
from trading.tasks.kill_switch import Sweep
from trading.tasks.operating import Stopped, halt_book, reduce_book, resume_book

MOST_REASON = 200
"""Characters of a reason."""


def effect(desk: Desk, choice: BookChoice, switch: Switch) -> Effect:
    """Return what a switch would change."""
    _refuse_other_books(desk, choice)
    return effect_of(desk.services, choice.book, switch)


def turn(desk: Desk, choice: BookChoice, switch: Switch, reason: str, person: Person) -> dict[str, Any]:
    """Turn a switch and return what came of it, in lines.

    Raises:
        PermanentError: the book is not the desk's own, the reason is missing or long, or the switch refuses.
    """
    _refuse_other_books(desk, choice)
    said = " ".join(reason.split())
    if len(said) > MOST_REASON:
        raise PermanentError(f"the reason is longer than {MOST_REASON} characters; shorten it")
    if not said and switch is Switch.RESUME:
        raise PermanentError("say why trading goes on; the reason is kept for ever")
    said = said or f"{switch} on the Desk page"
    services, book = desk.services, choice.book
    if switch is Switch.RESUME:
        done = resume_book(
            services, desk.spec, book, after=TradingState.ACTIVE, reason=said, actor=person.actor,
            halt_file=desk.settings.halt_file,
        )  # fmt: skip
        before = [f"It was halted by {done.halted_by}."] if done.halted_by else []
        return _told(str(done.change), before, is_safe=True)
    act = halt_book if switch is Switch.HALT else reduce_book
    stopped = act(services, book, reason=said, actor=person.actor)
    return _told(str(stopped.change), _stopped_lines(stopped), is_safe=stopped.is_safe)


def _refuse_other_books(desk: Desk, choice: BookChoice) -> None:
    if not choice.is_own or choice.book.kind is BookKind.REPLAY:
        raise PermanentError(f"the switches are for {desk.settings.book}, which this desk trades; choose that book")


def _told(head: str, lines: list[str], *, is_safe: bool) -> dict[str, Any]:
    return {"head": head, "lines": lines, "is_safe": is_safe}


def _stopped_lines(stopped: Stopped) -> list[str]:
    late = [] if stopped.change.sends_ended else ["A send was under way and did not end; halt again in a minute."]
    return [*late, *_swept_lines(stopped.sweep)]


def _swept_lines(found: Sweep) -> list[str]:
    if found.problem is not None:
        return [f"NOT VERIFIED: {found.problem}", "Look at orders and positions in TWS, and cancel entries there."]
    return [
        f"{counted(found.cancelled, 'order')} cancelled, {len(found.working)} still work.",
        *(f"STILL WORKS: {line}; cancel it in TWS." for line in found.working),
        *(f"Not ours, left alone: {line}." for line in found.foreign),
        *([f"{found.bare[0].upper()}{found.bare[1:]}."] if found.bare else []),
        *([f"Every position is guarded: {len(found.guards)}."] if found.guards and not found.bare else []),
    ]
