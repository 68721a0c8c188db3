"""Real money: `./airdesk arm`, and the eight conditions that `./airdesk doctor --live` prints."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import replace
from datetime import datetime

from trading.bootstrap import live_terms, services_for
from trading.domain.codec import encode
from trading.domain.interlock import Condition, RunOrigin
from trading.entrypoints.checkout import write_private
from trading.errors import AirdeskError, PermanentError
from trading.ports import BrokerIdentity, BrokerRole, MarketCalendar, Services
from trading.settings import Mode, Settings, load_settings
from trading.tasks.confirmation import VALID_SECONDS, ask_for_code, redeem
from trading.tasks.interlock import conditions_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "arm",
        help="permit real money until the end of the session",
        description="Permit real money in the configured account until the close of the session that runs or comes "
        "next. One of the eight conditions of `doctor --live`; it sends nothing.",
    )
    parser.add_argument("--code", help="the one-time code that this command wrote into the state folder")
    parser.set_defaults(run=_arm)


def print_conditions(settings: Settings, *, as_json: bool = False) -> bool:
    """Print the eight conditions of the configured book and return whether all of them hold."""
    found = conditions_now(settings)
    if as_json:
        print(
            json.dumps([{"number": n, **encode(one), "holds": one.holds} for n, one in enumerate(found, 1)], indent=1)
        )
        return all(condition.holds for condition in found)
    for number, condition in enumerate(found, 1):
        print(f"{'holds' if condition.holds else 'MISSING':<8} {number} {condition.name}")
        if condition.fault is not None:
            print(f"           {condition.fault}")
    held = all(condition.holds for condition in found)
    print("all eight hold: real money may move" if held else "nothing is sent with real money; the book stays on paper")
    return held


def conditions_now(settings: Settings) -> tuple[Condition, ...]:
    """Return the conditions as an order of an operator would find them now."""
    origin = RunOrigin("operator", is_fresh=True, under_test=settings.under_test)
    services = replace(services_for(settings), live=replace(live_terms(settings), origin=origin))
    return conditions_of(services, settings.book, _who(services))


def _who(services: Services) -> BrokerIdentity | None:
    if services.broker is None:
        return None
    try:
        with services.broker.connect(BrokerRole.OPERATOR) as broker:
            return broker.identity()
    except AirdeskError as unreachable:
        print(f"the broker could not be asked: {unreachable}", file=sys.stderr)
        return None


def _arm(options: argparse.Namespace) -> int:
    settings = load_settings()
    if settings.mode is not Mode.LIVE or settings.live_armed != settings.broker_account:
        raise PermanentError(
            "arming needs AIRDESK_MODE=live and AIRDESK_LIVE_ARMED equal to AIRDESK_BROKER_ACCOUNT; set them first"
        )
    services, book, actor = services_for(settings), settings.book, f"cli:{getpass.getuser()}"
    path = settings.state_dir / "arm.code"
    expires_at = arm_ends_at(services.calendar, services.clock.now())
    if not options.code:
        write_private(path, ask_for_code(services.store, book, "arm", actor=actor) + "\n")
        print(f"{book.badge} {book}: permits real money in {settings.broker_account}")
        print(f"until {expires_at:%Y-%m-%d %H:%M} UTC, with the code {services.code_hash[:12]}")
        print(f"wrote a one-time code into {path}")
        print(f"nothing was done yet; within {VALID_SECONDS} s: ./airdesk arm --code CODE")
        return 1
    redeem(services.store, book, "arm", options.code)
    path.unlink(missing_ok=True)
    with services.store.transaction() as tx:
        tx.controls.arm(
            book, account=settings.broker_account, code_hash=services.code_hash, actor=actor, expires_at=expires_at
        )
        tx.controls.audit(actor=actor, action="arm", detail={"book": str(book), "until": expires_at.isoformat()})
    print(f"{book.badge} {book}: armed until {expires_at:%Y-%m-%d %H:%M} UTC; now ./airdesk doctor --live")
    return 0


def arm_ends_at(calendar: MarketCalendar, now: datetime) -> datetime:
    """Return the close of the session that runs or comes next: a permission outlives no session."""
    today = calendar.session(now.date())
    session = today if today is not None and now < today.closes_at else calendar.next_session(now.date())
    return session.closes_at
