"""`airdesk up` and `airdesk down`: serve the desk of this checkout, and stop it from another terminal."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.entrypoints.airflow_environment import ADMIN, admin_password
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.logs import say
from trading.entrypoints.processes import wait_until_gone
from trading.entrypoints.run_record import RunRecord, is_running, run_lock
from trading.entrypoints.running_desk import RunningDesk, running_desk
from trading.entrypoints.supervisor import stop_leftovers
from trading.errors import TransientError
from trading.settings import LogFormat, Mode, log_format

STOP_SECONDS = 90


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    up = subparsers.add_parser(
        "up", help="run the desk until Ctrl-C", description="Run Postgres, Airflow and the gateway until Ctrl-C."
    )
    up.set_defaults(run=run_up, needs_database=False)
    down = subparsers.add_parser(
        "down", help="stop the desk of this checkout", description="Stop the desk, or what a killed one left running."
    )
    down.set_defaults(run=run_down, needs_database=False)


def run_up(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    checkout = Checkout.from_environment(os.environ)
    with the_only_desk(checkout) as free:
        if not free:
            return 0
        say("starting Postgres, Airflow and the gateway; this takes about half a minute")
        with running_desk(checkout, say=say) as desk:
            desk.wait_until_ready()
            announce(desk)
            say("DAGs are paused until you unpause them in the UI; Ctrl-C stops the desk")
            desk.wait()
    return 0


def run_down(options: argparse.Namespace) -> int:
    """Stop the desk of this checkout and the demo of this checkout, whichever runs."""
    stopped = [mode for mode in (Mode.DEMO, Mode.PAPER) if stop_desk(Checkout.from_environment(os.environ, mode=mode))]
    say("stopped" if stopped else "nothing is running")
    return 0


def stop_desk(checkout: Checkout) -> bool:
    """Stop what runs in a state folder; returns whether anything did.

    Raises:
        TransientError: it does not stop in time.
    """
    if not checkout.state.exists():
        return False
    supervisor = RunRecord.read(checkout.state).supervisor
    if is_running(checkout.state) and supervisor is not None and supervisor.is_alive():
        os.kill(supervisor.pid, signal.SIGTERM)
        if not wait_until_gone(supervisor, timeout_seconds=STOP_SECONDS):
            raise TransientError(f"process {supervisor.pid} is still stopping; wait, then run ./airdesk down again")
        return True
    with run_lock(checkout.state) as free:
        if not free:
            raise TransientError("the desk is just starting; wait, then run ./airdesk down again")
        postgres = EmbeddedPostgres(checkout.state / "postgres")
        was_running = postgres.is_running()
        leftovers = stop_leftovers(checkout.state)
        postgres.stop()
        return bool(leftovers) or was_running


@contextmanager
def the_only_desk(checkout: Checkout) -> Iterator[bool]:
    """Hold the checkout's run lock and turn the stop signals into an orderly end; False if another copy runs."""
    checkout.make_folders()
    with run_lock(checkout.state) as free:
        if not free:
            _tell_where(checkout)
            yield False
            return
        previous = {
            number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        }
        try:
            yield True
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def announce(desk: RunningDesk) -> None:
    """Print where the UI is and how to log in."""
    badge = desk.settings.book.badge
    say(f"{badge} desk, book {desk.settings.book}")
    say(f"UI    {desk.airflow.url}")
    say(f"login {ADMIN} / {_shown_password(desk.checkout)}")
    say(f"logs  {desk.checkout.logs}")


def _shown_password(checkout: Checkout) -> str:
    """Return the password for a person at a terminal; lines for machines end up in a log, and name the file."""
    if log_format() is LogFormat.JSON:
        return f"see {checkout.airflow_home / 'passwords.json'}"
    return admin_password(checkout)


def _tell_where(checkout: Checkout) -> None:
    # The other copy writes its address a moment after it took the lock.
    for _ in range(20):
        if url := RunRecord.read(checkout.state).url:
            say(f"already running at {url}; login {ADMIN} / {_shown_password(checkout)}; ./airdesk down stops it")
            return
        time.sleep(0.25)
    say("already starting in another terminal; ./airdesk down stops it")


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Once is enough: a second Ctrl-C must not leave half of the desk running.
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0 if number == signal.SIGTERM else 130)
