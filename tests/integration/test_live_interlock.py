"""Real money behind its interlock: the store's facts, the settings' contradictions, and what reaches the broker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.accounting.reconciliation_kinds import FULL
from trading.adapters.refused_gate import RefusedGate
from trading.bootstrap import services_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.interlock import CONDITIONS, LiveTerms, RunOrigin
from trading.domain.orders import OrderPurpose, Side
from trading.domain.portfolio import Breaker
from trading.entrypoints import cli
from trading.errors import BrokerRefused
from trading.ports import BrokerIdentity, NavRow, Proof, ReconciliationKind, ReservedLeg, Services, Sources
from trading.settings import Mode, load_settings
from trading.tasks.interlock import LiveGate, during, guarded, missing

from tests.builders import an_order
from tests.fakes import FakeBroker, FixedClock, WeekdayCalendar, ny

NOW = ny("2019-06-28 10:30")
LIVE, PAPER = BookId(BookKind.LIVE, "U123"), BookId(BookKind.PAPER, "DU1")
FRESH = RunOrigin("scheduled", is_fresh=True)


@dataclass
class RealBroker(FakeBroker):
    """A broker that serves one account of real money."""

    def identity(self) -> BrokerIdentity:
        return BrokerIdentity(("U123",), False, self.at, 11)


@pytest.fixture
def broker():
    return RealBroker(NOW, {"NVDA": Decimal(100)})


@pytest.fixture
def services(store, broker):
    """A live desk for which every condition holds."""
    with store.transaction() as tx:
        for book in (LIVE, PAPER):
            tx.ledger.open_book(book, strategy="s", spec_hash="h", opened_at=ny("2019-06-03 09:30"), cash_usd=100_000)
        for day in range(15):
            tx.reconciliations.file(proof(PAPER, date(2019, 6, 3) + timedelta(days=day), NOW - timedelta(days=1)))
        tx.reconciliations.file(proof(LIVE, NOW.date(), NOW - timedelta(minutes=5)))
        tx.controls.arm(LIVE, account="U123", code_hash="abc", actor="cli:vic", expires_at=ny("2036-01-01 16:00"))
        nav = NavRow(NOW, NOW.date(), False, Decimal(100_000), 0.0, 100_000.0, Breaker())
        tx.ledger.add_nav(LIVE, nav, {})
    bare = Services(
        store, WeekdayCalendar(), FixedClock(NOW), Sources(), broker, code_hash="abc",
        live=LiveTerms(is_live_mode=True, armed_account="U123", account="U123"),
    )  # fmt: skip
    return guarded(bare, LIVE)


def proof(book: BookId, on: date, at) -> Proof:
    return Proof(book, ReconciliationKind.NIGHTLY, on, at, "abc", FULL, (), {})


def send(services: Services, **order) -> int:
    entry = {"purpose": OrderPurpose.ENTRY, "limit_price": Decimal(100), "quantity": Decimal(1)}
    terms = {"book": LIVE, **entry, **order}
    with services.broker.connect() as broker:
        return len(broker.submit([ReservedLeg(an_order(**terms), 1)]))


def test_an_order_leaves_only_while_all_eight_hold(services, broker):
    assert (
        missing(during(services, FRESH), LIVE, broker.identity(), family=[an_order(book=LIVE, quantity=Decimal(1))])
        == ()
    )
    assert send(during(services, FRESH)) == 1


@pytest.mark.parametrize(
    ("number", "flip"),
    [
        (1, {"is_live_mode": False}),
        (2, {"armed_account": "U9"}),
        (7, {"origin": RunOrigin("backfill", is_fresh=True)}),
        (7, {"origin": replace(FRESH, under_test="CI")}),
    ],
)
def test_s04_one_missing_condition_keeps_the_order_here_and_is_named(services, broker, number, flip):
    gate = services.broker
    live = replace(services.live, **{"origin": FRESH, **flip})
    flipped = guarded(replace(services, broker=gate.inner, live=live), LIVE)
    with pytest.raises(BrokerRefused, match="stays paper") as refused:
        send(flipped)
    assert [name for name in CONDITIONS if name in str(refused.value)] == [CONDITIONS[number - 1]]
    assert broker.orders == {}


def test_s04_an_arm_that_ran_out_keeps_the_order_here(services, broker):
    with services.store.transaction() as tx:
        tx.controls.arm(LIVE, account="U123", code_hash="abc", actor="cli:vic", expires_at=ny("2036-01-01 16:00"))
    late = replace(services, clock=FixedClock(ny("2036-01-02 10:30")))
    with pytest.raises(BrokerRefused, match="it ran out at"):
        send(during(guarded(replace(late, broker=services.broker.inner), LIVE), FRESH))
    assert broker.orders == {}


def test_s04_other_code_than_the_armed_and_proven_one_keeps_the_order_here(services, broker):
    other = guarded(replace(services, broker=services.broker.inner, code_hash="def"), LIVE)
    with pytest.raises(BrokerRefused, match=r"for other code.*there are 0 with code def"):
        send(during(other, FRESH))
    assert broker.orders == {}


@pytest.mark.parametrize("purpose", [OrderPurpose.EXIT, OrderPurpose.STOP])
def test_a_position_can_still_be_guarded_and_left_when_the_arm_ran_out_and_the_code_changed(services, broker, purpose):
    bare = replace(services, broker=services.broker.inner)
    later = guarded(replace(bare, clock=FixedClock(ny("2036-01-02 10:30")), code_hash="def"), LIVE)
    assert send(during(later, FRESH), side=Side.SELL, purpose=purpose, limit_price=None) == 1


def test_s04_a_run_of_another_kind_may_not_even_reduce(services, broker):
    for origin in (RunOrigin("backfill", is_fresh=True), replace(FRESH, under_test="CI"), RunOrigin("manual")):
        with pytest.raises(BrokerRefused, match="neither a test nor a backfill nor an old hour"):
            send(during(services, origin), side=Side.SELL, purpose=OrderPurpose.EXIT, limit_price=None)
    assert broker.orders == {}


def test_a_run_that_nobody_vouches_for_sends_nothing(services, broker):
    with pytest.raises(BrokerRefused, match="the run is of type unknown"):
        send(services)
    assert broker.orders == {}


def test_the_first_live_session_sends_no_entry_above_its_cap(services, broker):
    fresh = during(services, FRESH)
    entry = {"purpose": OrderPurpose.ENTRY, "limit_price": Decimal(100)}
    with pytest.raises(BrokerRefused, match="99 shares, the cap is 10"):
        send(fresh, **entry, quantity=Decimal(99))


def test_looking_and_cancelling_need_no_permission(services):
    with services.broker.connect() as broker:
        assert broker.snapshot(LIVE).orders == ()
        broker.cancel([1])


def test_paper_books_lack_nothing(services, broker):
    assert missing(services, PAPER, broker.identity(), family=[an_order(book=PAPER)]) == ()


# --- settings -----------------------------------------------------------------------------------


def desk(**values) -> Services:
    names = {"AIRDESK_DATABASE_URL": "postgresql://x", "AIRDESK_MODE": "paper", "AIRDESK_BROKER_PORT": "4002"}
    return services_for(load_settings({**names, "AIRDESK_BROKER_ACCOUNT": "DU1", **values}))


@pytest.mark.parametrize("port", ["7496", "4001", "4003"])
def test_b11_a_live_port_is_refused_on_paper_and_every_condition_listed(port):
    gate = desk(AIRDESK_BROKER_PORT=port).broker
    with pytest.raises(BrokerRefused, match=f"AIRDESK_BROKER_PORT={port}") as refused, gate.connect():
        pass
    assert all(condition in str(refused.value) for condition in CONDITIONS)


def test_b10_b11_a_live_account_is_refused_on_paper():
    assert isinstance(desk(AIRDESK_BROKER_ACCOUNT="U123").broker, RefusedGate)


def test_a_live_desk_has_the_interlock_before_its_broker():
    live = desk(AIRDESK_MODE="live", AIRDESK_BROKER_ACCOUNT="U123", AIRDESK_BROKER_PORT="4001")
    assert isinstance(live.broker, LiveGate)
    assert load_settings({"AIRDESK_DATABASE_URL": "postgresql://x"}).mode is Mode.DEMO


def test_a06_a_replay_has_no_way_to_a_broker_whatever_is_configured():
    settings = load_settings(
        {
            "AIRDESK_DATABASE_URL": "postgresql://x", "AIRDESK_MODE": "paper", "AIRDESK_BROKER_PORT": "4002",
            "AIRDESK_BROKER_ACCOUNT": "DU1",
        }
    )  # fmt: skip
    assert services_for(settings).broker is not None
    assert services_for(replace(settings, book=BookId(BookKind.REPLAY, "r"))).broker is None


# --- commands -----------------------------------------------------------------------------------


@pytest.fixture
def live_environment(database_url, monkeypatch, tmp_path):
    for name, value in {
        "AIRDESK_DATABASE_URL": database_url,
        "AIRDESK_MODE": "live",
        "AIRDESK_BOOK": str(LIVE),
        "AIRDESK_STATE_DIR": str(tmp_path),
        "AIRDESK_BROKER_ACCOUNT": "U123",
        "AIRDESK_BROKER_PORT": "1",
        "AIRDESK_LIVE_ARMED": "U123",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_doctor_live_prints_which_conditions_hold(live_environment, capsys):
    assert cli.main(["doctor", "--live"]) == 1
    said = capsys.readouterr().out
    assert f"holds    1 {CONDITIONS[0]}" in said
    assert f"MISSING  3 {CONDITIONS[2]}" in said
    assert "PYTEST_CURRENT_TEST is set" in said
    assert sum(name in said for name in CONDITIONS) == 8


def test_arming_takes_the_code_in_the_state_folder(live_environment, capsys):
    assert cli.main(["arm"]) == 1
    assert "permits real money in U123" in capsys.readouterr().out
    secret = live_environment / "arm.code"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert cli.main(["arm", "--code", "wrong"]) == 1
    assert cli.main(["arm", "--code", secret.read_text()]) == 0
    cli.main(["doctor", "--live"])
    assert f"holds    4 {CONDITIONS[3]}" in capsys.readouterr().out


def test_arming_without_the_environment_is_refused(live_environment, monkeypatch, capsys):
    monkeypatch.delenv("AIRDESK_LIVE_ARMED")
    assert cli.main(["arm"]) == 1
    assert "AIRDESK_LIVE_ARMED" in capsys.readouterr().err
