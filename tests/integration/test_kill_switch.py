"""The kill switch on the real store and the real gateway: what goes, what stays, and what a person reads."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from trading.adapters.loopback import free_port
from trading.domain.orders import OrderStatus
from trading.domain.portfolio import TradingState
from trading.entrypoints import cli

from tests.fakes import ACCOUNT, flat_bars
from tests.integration.order_desk import BOOK, MONDAY

HOUR, NEXT = "2019-06-03 10:30", "2019-06-03 11:30"
LIVE = {"Submitted", "PreSubmitted"}


@pytest.fixture
def bars():
    """NVDA trades at the price that entries are planned for, AAPL above it: an entry there waits."""
    return flat_bars("NVDA", MONDAY, 5) + flat_bars("AAPL", MONDAY, 5, price=102.0)


@pytest.fixture
def commands(desk, database_url, monkeypatch, tmp_path):
    """Commands of `./airdesk` find this desk."""
    for name, value in {
        "AIRDESK_DATABASE_URL": database_url,
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": str(BOOK),
        "AIRDESK_STRATEGY": "technical_core",
        "AIRDESK_STATE_DIR": str(tmp_path),
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_PORT": str(desk.gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(desk.gateway.control_port),
    }.items():
        monkeypatch.setenv(name, value)
    return lambda *words: cli.main(list(words))


@pytest.fixture
def held(desk):
    """A protected long in NVDA: entry, stop and target."""
    desk.sync(HOUR)
    legs = desk.enter(HOUR)
    desk.execute(HOUR)
    return legs


def rest_an_entry(desk) -> tuple:
    """Leave an entry in AAPL with its protection at the broker, unfilled."""
    desk.sync(NEXT)
    legs = desk.enter(NEXT, "AAPL")
    desk.execute(NEXT)
    assert legs[0].order_id in working(desk)
    return legs


def working(desk) -> set[str]:
    return {o["ticket"]["order_ref"] for o in desk.gateway.orders() if o["status"] in LIVE}


def code_in(text: str) -> str:
    return re.search(r"--code (\d{6})", text)[1]


# --- halt and reduce ----------------------------------------------------------------------------


def test_a_drill_halt_takes_entries_back_and_every_stop_stays_live(desk, held, commands, capsys):
    rest_an_entry(desk)
    assert commands("halt", "--reason", "drill") == 0
    said = capsys.readouterr().out
    assert "ACTIVE → HALTED" in said
    assert re.search(r"NVDA +99 +99 +99 +ok", said)
    assert working(desk) == {leg.order_id for leg in held[1:]}
    assert desk.state() is TradingState.HALTED


def test_halting_again_changes_nothing_and_verifies_again(desk, held, commands, capsys):
    assert commands("halt") == 0
    assert commands("halt") == 0
    assert re.search(r"NVDA +99 +99 +99 +ok", capsys.readouterr().out)


def test_a_long_without_its_stop_is_named_and_the_command_fails(desk, held, commands, capsys):
    with desk.services.broker.connect() as broker:
        mine = {o.order_ref: o.api_order_id for o in broker.snapshot(BOOK).orders}
        broker.cancel([mine[held[1].order_id]])
    assert commands("halt") == 1
    assert re.search(r"NVDA +99 +0 +(0|99) +MISSING", capsys.readouterr().out)


def test_reduce_takes_entries_back_and_nothing_else(desk, held, commands):
    rest_an_entry(desk)
    assert commands("reduce", "--reason", "careful") == 0
    assert working(desk) == {leg.order_id for leg in held[1:]}
    assert desk.state() is TradingState.REDUCE_ONLY


def test_an_order_that_is_not_ours_is_listed_and_left_alone(desk, held, commands, capsys, monkeypatch):
    monkeypatch.setattr("trading.tasks.kill_switch.purpose_in", lambda ref: None)
    before = working(desk)
    commands("halt")
    assert "not ours, left alone: NVDA: foreign order SELL 99" in capsys.readouterr().out
    assert working(desk) == before


def test_b01_without_a_broker_the_halt_is_committed_and_says_what_nobody_verified(
    desk, held, commands, capsys, monkeypatch
):
    monkeypatch.setenv("AIRDESK_BROKER_PORT", str(free_port()))
    assert commands("halt") == 1
    said = capsys.readouterr().out
    assert "ACTIVE → HALTED" in said
    assert "NOT VERIFIED" in said
    assert desk.state() is TradingState.HALTED


def test_without_a_database_a_halt_raises_the_file_flag_and_clears_the_broker(
    desk, held, commands, monkeypatch, capsys, tmp_path
):
    waiting = rest_an_entry(desk)
    monkeypatch.setenv("AIRDESK_DATABASE_URL", "postgresql://airdesk@127.0.0.1:1/airdesk")
    assert commands("halt", "--reason", "no database") == 1
    assert (tmp_path / "HALT").read_text() == "no database\n"
    assert f"raised the file flag {tmp_path / 'HALT'}" in capsys.readouterr().out
    assert waiting[0].order_id not in working(desk)
    assert {leg.order_id for leg in held[1:]} <= working(desk)


def test_a_halt_under_the_flag_outlives_the_flag(desk, held, commands, tmp_path):
    (tmp_path / "HALT").touch()
    assert commands("halt", "--reason", "for good") == 0
    (tmp_path / "HALT").unlink()
    assert desk.state() is TradingState.HALTED


def test_nothing_is_sent_while_the_flag_lies_there(desk, held, commands, monkeypatch, capsys, tmp_path):
    (tmp_path / "HALT").touch()
    assert commands("state") == 0
    assert "HALTED" in capsys.readouterr().out
    assert commands("resume", "--reason", "go on") == 1
    assert f"the file flag {tmp_path / 'HALT'} is raised; delete it" in capsys.readouterr().err
    (tmp_path / "HALT").unlink()
    assert commands("resume", "--reason", "go on") == 0
    assert desk.state() is TradingState.ACTIVE


def test_s05_a_halt_while_an_order_is_being_sent_lets_nothing_through_afterwards(desk, held, commands):
    """The second family meets the gate after the halt is committed; a new process finds the book halted."""
    first, second = None, None
    desk.sync(NEXT)
    with desk.services.store.order_writer(BOOK) as epoch:
        inside, halted = threading.Event(), []

        def halt() -> None:
            inside.wait(10)
            halted.append(commands("halt", "--reason", "stop it"))

        halter = threading.Thread(target=halt)
        halter.start()
        with desk.services.store.send_gate(BOOK, epoch=epoch) as first:
            inside.set()
            halter.join(0.5)
            assert halter.is_alive(), "the halt waits for the send under way"
        with desk.services.store.send_gate(BOOK, epoch=epoch) as second:
            pass
        halter.join(30)
    assert (first, second, halted) == (TradingState.ACTIVE, TradingState.HALTED, [0])
    desk.enter(NEXT, "AAPL")
    assert desk.execute(NEXT).counts["sent"] == 0
    assert working(desk) == {leg.order_id for leg in held[1:]}


def test_a_halt_works_while_a_writer_hangs_in_the_middle_of_a_send(desk, held, commands, monkeypatch, capsys):
    rest_an_entry(desk)
    monkeypatch.setattr("trading.tasks.kill_switch.GATE_SECONDS", 0.1)
    store = desk.services.store
    with store.order_writer(BOOK) as epoch, desk.services.broker.connect(), store.send_gate(BOOK, epoch=epoch):
        assert commands("halt") == 1
    assert "a send was under way and did not end" in capsys.readouterr().out
    assert desk.state() is TradingState.HALTED
    assert working(desk) == {leg.order_id for leg in held[1:]}


# --- lock, unlock, resume -----------------------------------------------------------------------


@pytest.mark.parametrize("words", [("lock",), ("halt", "--cancel-protection")])
def test_protection_goes_only_after_its_loss_was_shown_and_confirmed(desk, held, commands, capsys, words):
    assert commands(*words) == 1
    said = capsys.readouterr().out
    assert "loses its protection: NVDA: 99 shares" in said
    assert " USD" in said
    assert (desk.state(), len(working(desk))) == (TradingState.ACTIVE, 2)
    assert commands(*words, "--code", "000000x") == 1
    assert commands(*words, "--code", code_in(said)) == 0
    assert (desk.state(), working(desk)) == (TradingState.LOCKED, set())


def test_a_code_is_good_once_and_only_for_what_it_was_given_for(desk, held, commands, capsys):
    commands("lock")
    code = code_in(capsys.readouterr().out)
    assert commands("flatten", "--code", code) == 1
    assert "does not fit flatten" in capsys.readouterr().err
    assert commands("lock", "--code", code) == 0
    assert commands("lock", "--code", code) == 1


def test_a_lock_is_left_with_the_code_in_the_state_folder_and_to_halted_only(desk, held, commands, tmp_path, capsys):
    commands("lock")
    commands("lock", "--code", code_in(capsys.readouterr().out))
    for words in (("resume",), ("reduce",)):
        assert commands(*words, "--reason", "let us go on") == 1
        assert "is LOCKED" in capsys.readouterr().err
    commands("halt")
    assert desk.state() is TradingState.LOCKED
    assert commands("unlock") == 1
    secret = tmp_path / "unlock.code"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().strip() not in capsys.readouterr().out
    assert commands("unlock", "--code", secret.read_text()) == 0
    assert desk.state() is TradingState.HALTED


def test_a_halted_book_resumes_when_it_equals_the_brokers_and_says_what_halted_it(desk, held, commands, capsys):
    commands("halt", "--reason", "a look around")
    assert commands("resume", "--reason", "all is well") == 0
    assert re.search(r"it was halted by cli:\S+: a look around", capsys.readouterr().out)
    assert desk.state() is TradingState.ACTIVE


def test_a_halted_book_stays_halted_while_a_difference_is_open(desk, held, commands, capsys):
    commands("halt")
    with desk.services.store.transaction() as tx:
        tx.ledger.add_cash(BOOK, "typo", "fee", Decimal(5), desk.services.clock.now(), None)
    assert commands("resume", "--reason", "all is well") == 1
    said = capsys.readouterr().err
    assert "stays HALTED" in said
    assert "cash" in said
    assert desk.state() is TradingState.HALTED


def test_an_order_of_unknown_fate_keeps_a_book_halted(desk, held, commands, capsys):
    commands("halt")
    lost = replace(held[1], order_id="NVDA.stop.9.lost", parent_id=None, leg=9, status=OrderStatus.UNKNOWN)
    desk.decide(NEXT, lost)
    assert commands("resume", "--reason", "all is well") == 1
    assert "the fate of stop order NVDA.stop.9.lost is unknown" in capsys.readouterr().err


# --- flatten ------------------------------------------------------------------------------------


def test_flatten_shows_what_it_sells_and_sells_it_with_the_code(desk, held, commands, capsys):
    assert commands("flatten") == 1
    said = capsys.readouterr().out
    assert "sells NVDA: 99 shares" in said
    assert desk.held() == {"NVDA": Decimal(99)}
    assert commands("flatten", "--code", code_in(said), "--reason", "enough") == 0
    desk.sync(NEXT)
    assert desk.held() == {}
    assert working(desk) == set()
    assert desk.state() is TradingState.REDUCE_ONLY


def test_flatten_of_a_closed_market_sells_at_the_next_open(desk, held, commands, capsys):
    desk.sync("2019-06-03 16:00")
    commands("flatten")
    assert commands("flatten", "--code", code_in(capsys.readouterr().out)) == 0
    assert desk.held() == {"NVDA": Decimal(99)}
    desk.sync("2019-06-04 10:30")
    assert desk.held() == {}
