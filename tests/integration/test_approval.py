"""Orders above a limit wait for a person: who waits, what is asked, and what each answer does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from trading.domain.decisions import DecisionKind
from trading.domain.orders import OrderPurpose, OrderStatus
from trading.ports.approvals import Answer
from trading.tasks.approval import request_for, settle
from trading.tasks.approved import send, send_answered
from trading.tasks.report import WAITING

from tests.fakes import FixedClock
from tests.integration.order_desk import BOOK, SPEC, slot

HOUR, NEXT = "2019-06-03 10:30", "2019-06-03 11:30"
HOURLY = DecisionKind.HOURLY


@pytest.fixture
def asking(desk):
    """A desk on which every entry above 5,000 USD waits."""
    desk.services = replace(desk.services, approval_above_usd=5_000)
    desk.sync(HOUR)
    return desk


def sent(desk, at: str = HOUR, again: bool = False) -> dict[str, int]:
    report = (send_answered if again else send)(desk.services, SPEC, BOOK, slot(at))
    return {name: report.counts[name] for name in ("sent", WAITING)}


def answer(desk, word: Answer, by: str | None = "airflow:vic") -> int:
    return settle(desk.services, BOOK, slot(HOUR), HOURLY, word, by=by)


def test_a_large_entry_waits_and_a_person_reads_shares_and_dollars(asking):
    legs = asking.enter(HOUR)
    assert sent(asking) == {"sent": 0, WAITING: 1}
    assert asking.refs_at_broker() == []
    request = request_for(asking.services, BOOK, slot(HOUR), HOURLY)
    assert request.subject.startswith("PAPER paper:DU0000001: buy NVDA for 9,949")
    assert "buy 99 shares at up to 100.50 USD, 9,949.50 USD" in request.body
    assert asking.status(*legs) == [OrderStatus.PLANNED] * 3


def test_asking_again_asks_the_same(asking):
    asking.enter(HOUR)
    sent(asking)
    before = request_for(asking.services, BOOK, slot(HOUR), HOURLY)
    later = asking.services.clock.now() + timedelta(minutes=5)
    asking.services = replace(asking.services, clock=FixedClock(later))
    assert sent(asking) == {"sent": 0, WAITING: 1}
    assert request_for(asking.services, BOOK, slot(HOUR), HOURLY) == before


def test_an_approved_entry_is_vetted_again_and_sent_with_its_protection(asking):
    legs = asking.enter(HOUR)
    sent(asking)
    assert answer(asking, Answer.APPROVED) == 1
    assert sent(asking, again=True) == {"sent": 3, WAITING: 0}
    assert asking.status(*legs)[0] is OrderStatus.FILLED


def test_an_approved_entry_that_no_longer_fits_is_not_sent(asking):
    legs = asking.enter(HOUR)
    sent(asking)
    answer(asking, Answer.APPROVED)
    asking.facts(HOUR, vix=31.0)
    assert sent(asking, again=True) == {"sent": 0, WAITING: 0}
    assert asking.status(*legs) == [OrderStatus.DENIED] * 3


@pytest.mark.parametrize(
    ("word", "by", "reason"),
    [(Answer.REJECTED, "airflow:vic", "airflow:vic said no"), (Answer.EXPIRED, None, "nobody said yes")],
)
def test_a_no_and_silence_deny_with_the_reason(asking, word, by, reason):
    legs = asking.enter(HOUR)
    sent(asking)
    answer(asking, word, by)
    assert sent(asking, again=True) == {"sent": 0, WAITING: 0}
    with asking.services.store.transaction() as tx:
        entry = tx.orders.get(legs[0].order_id)
        (denial,) = tx.checks.denials([entry.order_id])
    assert (entry.status, entry.detail) == (OrderStatus.DENIED, f"APPROVAL: {reason}")
    assert denial.denial.threshold == 5_000.0


def test_without_an_answer_sending_again_takes_it_for_a_no(asking):
    legs = asking.enter(HOUR)
    sent(asking)
    assert sent(asking, again=True) == {"sent": 0, WAITING: 0}
    assert asking.status(*legs)[0] is OrderStatus.DENIED
    assert answer(asking, Answer.APPROVED) == 0


def test_a_request_that_nobody_answered_in_time_is_a_no(asking):
    legs = asking.enter(HOUR)
    sent(asking)
    later = asking.services.clock.now() + timedelta(minutes=15)
    asking.services = replace(asking.services, clock=FixedClock(later))
    assert sent(asking) == {"sent": 0, WAITING: 0}
    assert asking.status(*legs)[0] is OrderStatus.DENIED


def test_small_entries_and_exits_never_wait(asking):
    asking.enter(HOUR, weight_frac=0.04)
    assert sent(asking) == {"sent": 3, WAITING: 0}
    asking.services = replace(asking.services, approval_above_usd=0)
    asking.sync(NEXT)
    asking.sell(NEXT, 39, OrderPurpose.EXIT)
    assert sent(asking, NEXT)["sent"] == 1


def test_without_the_setting_nothing_is_asked(desk):
    desk.sync(HOUR)
    desk.enter(HOUR)
    report = send(desk.services, SPEC, BOOK, slot(HOUR))
    assert report.counts["sent"] == 3
    assert WAITING not in report.counts
