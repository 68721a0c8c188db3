"""The eight conditions of real money, each flipped alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from trading.domain.interlock import (
    CONDITIONS,
    InterlockFacts,
    LiveArm,
    RunOrigin,
    conditions,
    missing,
    missing_to_reduce,
    over_ramp,
    ramp_shares,
    ramped,
)
from trading.domain.orders import OrderPurpose

from tests.builders import an_order

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
ARM = LiveArm("U123", "abc", "cli:vic", NOW - timedelta(hours=1), NOW + timedelta(hours=5))
GOOD = InterlockFacts(
    is_live_mode=True,
    armed_account="U123",
    account="U123",
    broker_accounts=("U123",),
    arm=ARM,
    code_hash="abc",
    clean_sessions=15,
    proven_at=NOW - timedelta(minutes=89),
    broker_now=NOW + timedelta(seconds=1),
    now=NOW,
    origin=RunOrigin("scheduled", is_fresh=True),
    is_first_session=False,
    nav_usd=100_000.0,
)
FLIPS = [
    (1, {"is_live_mode": False}),
    (2, {"armed_account": ""}),
    (2, {"armed_account": "U999"}),
    (3, {"broker_accounts": None}),
    (3, {"broker_accounts": ("U123", "U999")}),
    (3, {"broker_accounts": ("U999",)}),
    (4, {"arm": None}),
    (4, {"arm": replace(ARM, expires_at=NOW)}),
    (4, {"arm": replace(ARM, account="U999")}),
    (4, {"arm": replace(ARM, code_hash="older")}),
    (5, {"clean_sessions": 14}),
    (6, {"proven_at": None}),
    (6, {"proven_at": NOW - timedelta(minutes=91)}),
    (6, {"broker_now": NOW + timedelta(seconds=2)}),
    (6, {"broker_now": NOW - timedelta(seconds=2)}),
    (6, {"broker_now": None}),
    (7, {"origin": RunOrigin("backfill", is_fresh=True)}),
    (7, {"origin": RunOrigin("asset_triggered", is_fresh=True)}),
    (7, {"origin": RunOrigin()}),
    (7, {"origin": RunOrigin("manual", is_fresh=False)}),
    (7, {"origin": RunOrigin("manual", is_fresh=True, under_test="CI")}),
    (8, {"is_first_session": True, "nav_usd": None}),
]


def test_with_every_condition_nothing_is_missing():
    assert missing(GOOD) == ()
    assert len(conditions(GOOD)) == len(CONDITIONS) == 8


@pytest.mark.parametrize(("number", "flip"), FLIPS, ids=[f"{n}-{next(iter(f))}-{i}" for i, (n, f) in enumerate(FLIPS)])
def test_s04_each_condition_alone_keeps_real_money_still_and_is_named(number, flip):
    (sentence,) = missing(replace(GOOD, **flip))
    assert sentence.startswith(CONDITIONS[number - 1])


WAIVED = [{"arm": replace(ARM, expires_at=NOW)}, {"arm": replace(ARM, code_hash="older")}]
WAIVED += [flip for number, flip in FLIPS if number in (5, 6, 8)]


@pytest.mark.parametrize("flip", WAIVED, ids=[f"{next(iter(f))}-{i}" for i, f in enumerate(WAIVED)])
def test_what_only_reduces_goes_when_a_permission_ran_out(flip):
    assert missing_to_reduce(replace(GOOD, **flip)) == ()


NEVER_WAIVED = [(n, f) for n, f in FLIPS if n in (1, 2, 3, 7) or f in ({"arm": None}, FLIPS[8][1])]


@pytest.mark.parametrize(("number", "flip"), NEVER_WAIVED, ids=[f"{n}-{i}" for i, (n, _) in enumerate(NEVER_WAIVED)])
def test_s04_identity_is_never_waived_not_even_for_what_only_reduces(number, flip):
    (sentence,) = missing_to_reduce(replace(GOOD, **flip))
    assert sentence.startswith(CONDITIONS[number - 1])


@pytest.mark.parametrize("account", ["DU123", "DF123"])
def test_b10_a_paper_account_never_counts_as_live(account):
    facts = replace(
        GOOD, account=account, armed_account=account, broker_accounts=(account,), arm=replace(ARM, account=account)
    )
    (sentence,) = missing(facts)
    assert f"{account} is a paper account" in sentence


def test_nothing_known_misses_nearly_everything():
    empty = InterlockFacts(False, "", "", None, None, "", 0, None, None, NOW, RunOrigin(), True, None)
    assert len(missing(empty)) == 8


def test_the_first_session_buys_one_share_or_one_per_cent_of_nav():
    assert ramp_shares(100_000.0, Decimal("2500")) == 1
    assert ramp_shares(100_000.0, Decimal("100")) == 10
    entry = an_order(purpose=OrderPurpose.ENTRY, quantity=Decimal(99), limit_price=Decimal(100))
    stop = an_order(purpose=OrderPurpose.STOP, quantity=Decimal(99), parent_id=entry.order_id, limit_price=None)
    exit_ = an_order(purpose=OrderPurpose.EXIT, quantity=Decimal(99), limit_price=None)
    assert [o.quantity for o in ramped([entry, stop, exit_], 100_000.0)] == [10, 10, 99]
    first = replace(GOOD, is_first_session=True)
    assert "the cap is 10" in over_ramp(entry, first)
    assert over_ramp(replace(entry, quantity=Decimal(10)), first) is None
    assert over_ramp(entry, GOOD) is None
    assert over_ramp(exit_, first) is None
