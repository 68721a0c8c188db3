"""`./airdesk reconcile …` as a person types it, on a real database."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal

import pytest
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.entrypoints import cli_reconcile
from trading.entrypoints.cli import main
from trading.errors import TransientError
from trading.tasks.execute import execute
from trading.tasks.reconcile import reconcile
from trading.tasks.sync import sync_broker

from tests.fakes import FakeBroker, FixedClock, WeekdayCalendar
from tests.integration.reconcile_desk import BOOK, HOUR, NIGHT, SLOT, SPEC, open_desk, sound_broker, state_of


@pytest.fixture
def broker() -> FakeBroker:
    return sound_broker()


@pytest.fixture
def desk(store, broker, database_url, monkeypatch):
    """A desk whose services the command gets, too; only the broker's socket is left out."""
    services = open_desk(store, broker)
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "paper")
    monkeypatch.setenv("AIRDESK_BOOK", str(BOOK))
    monkeypatch.setattr(cli_reconcile, "services_for", lambda settings: services)
    return services


def test_nothing_open_is_said_in_one_line(desk, capsys):
    assert main(["reconcile", "list"]) == 0
    said = capsys.readouterr().out
    assert "PAPER paper:DU0000001: no open break" in said
    assert "last comparison that lets it trade: none" in said


def test_a_comparison_by_hand_needs_no_airflow_and_its_exit_code_tells(desk, broker, capsys):
    assert main(["reconcile", "run"]) == 0
    assert "book and broker agree" in capsys.readouterr().out
    broker.cash_usd -= Decimal("12.5")
    assert main(["reconcile", "run"]) == 1
    told = capsys.readouterr().out
    assert ": 1 difference at " in told
    assert "cash: ours 98,799.00 USD, broker 98,786.50 USD" in told


def test_a_break_is_listed_shown_adopted_and_listed_as_closed(desk, broker, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    broker.cash_usd -= Decimal("12.5")
    main(["reconcile", "run"])
    capsys.readouterr()
    assert main(["reconcile", "list"]) == 0
    listed = capsys.readouterr().out
    assert "the book" in listed
    assert "98,799.00 USD | 98,786.50 USD" in listed
    assert main(["reconcile", "show", "1"]) == 0
    shown = capsys.readouterr().out
    assert "differs: 0 shares, -12.50 USD" in shown
    assert main(["reconcile", "show", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"]["difference"]["cash_usd"] == "-12.500000"
    assert main(["reconcile", "run", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["differences"] == 1
    assert "adopt:   -12.50 USD are booked as the cash entry" in shown
    assert main(["reconcile", "adopt", "1", "--as", "fee", "--reason", "data fee"]) == 0
    assert "-12.50 USD are booked as fee; 0 shares" in capsys.readouterr().out
    assert main(["reconcile", "run"]) == 0
    assert main(["reconcile", "list", "--all"]) == 0
    assert "adopted: data fee" in capsys.readouterr().out


def test_a_held_symbol_is_listed_with_its_cause(desk, broker, capsys):
    broker.positions["TSLA"] = Decimal(0)
    with desk.store.transaction() as tx:
        tx.controls.hold(BOOK, "TSLA", is_held=True, reason="order 7001 is not ours", actor="reconciliation")
    main(["reconcile", "list"])
    assert "held: TSLA (reconciliation: order 7001 is not ours)" in capsys.readouterr().out


def test_a_refusal_is_one_sentence_and_exit_code_1(desk, capsys):
    assert main(["reconcile", "resolve", "99", "--reason", "x"]) == 1
    assert "has no break 99; see `./airdesk reconcile list`" in capsys.readouterr().err


def test_p08_a_database_that_lacks_a_migration_is_not_traded_on(desk, database_url, capsys):
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM public.airdesk_migrations WHERE name = '0010_measure_breaks'")
    assert main(["reconcile", "run"]) == 1
    assert "0010_measure_breaks" in capsys.readouterr().err


def test_p08_a_task_on_an_old_schema_says_what_to_do(desk, broker, database_url):
    from trading.errors import PermanentError

    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ops.reconciliations DROP COLUMN lets_trade")
    with pytest.raises(PermanentError, match="airdesk migrate"):
        reconcile(desk, SPEC, BOOK, SLOT)


class CountedBroker(FakeBroker):
    """A broker that counts its visitors."""

    visits = 0

    def connect(self, *arguments):
        CountedBroker.visits += 1
        return super().connect(*arguments)


@pytest.mark.parametrize("step", [sync_broker, execute, reconcile])
def test_p01_a_database_that_is_down_ends_the_task_at_once_with_nothing_at_the_broker(step):
    from trading.ports import Services, Sources

    CountedBroker.visits = 0
    down = PostgresStore("postgresql://nobody@127.0.0.1:9/airdesk")
    services = Services(down, WeekdayCalendar(), FixedClock(NIGHT), Sources(), CountedBroker(NIGHT))
    with pytest.raises(TransientError, match="does not answer"):
        step(services, SPEC, BOOK, HOUR)
    assert CountedBroker.visits == 0


def test_a_book_may_be_named(desk, capsys):
    assert main(["reconcile", "list", "--book", str(BOOK)]) == 0
    assert f"PAPER {BOOK}: no open break" in capsys.readouterr().out


def test_a_book_that_is_not_there_is_not_called_sound(desk, capsys):
    assert main(["reconcile", "list", "--book", "paper:DU7"]) == 1
    assert capsys.readouterr().err == f"airdesk: there is no book paper:DU7; stored: {BOOK}\n"
    assert state_of(desk)
