"""Kinds of messages, and the policy that no setting can turn against the people it is for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.domain.letters import letter_of
from trading.domain.message_policy import Drop, Hold, Message, MessagePolicy, QuietHours, Send, plan
from trading.domain.message_words import policy_of
from trading.domain.messages import KINDS, Delivery, MessageKind, Severity
from trading.errors import ConfigurationError

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
NOON = datetime(2019, 6, 3, 16, tzinfo=UTC)
NIGHT = QuietHours(time(22), time(7), NEW_YORK)


def a_message(number: int = 1, kind: MessageKind = MessageKind.ORDER_FILLED, *, at: datetime = NOON, **more) -> Message:
    severity = more.pop("severity", KINDS[kind].severity)
    return Message(number, None, "DESK", kind, severity, f"text {number}", at, at, **more)


def steps(*messages: Message, policy: MessagePolicy | None = None, at: datetime = NOON):
    return plan(messages, {}, Counter(), policy or MessagePolicy(), at, lambda given: given + timedelta(hours=4))


def test_every_kind_has_its_rule():
    assert set(KINDS) == set(MessageKind)


@pytest.mark.parametrize(
    ("here", "end"),
    [
        ("2019-06-03 22:00", "2019-06-04 07:00"),
        ("2019-06-03 23:30", "2019-06-04 07:00"),
        ("2019-06-04 06:59", "2019-06-04 07:00"),
        ("2019-06-04 07:00", None),
        ("2019-06-04 21:59", None),
        ("2019-11-02 23:00", "2019-11-03 07:00"),
        ("2019-03-09 23:00", "2019-03-10 07:00"),
    ],
)
def test_quiet_hours_span_midnight_and_the_change_of_clocks(here, end):
    at = datetime.fromisoformat(here).replace(tzinfo=NEW_YORK).astimezone(UTC)
    wanted = datetime.fromisoformat(end).replace(tzinfo=NEW_YORK).astimezone(UTC) if end else None
    assert NIGHT.end_of(at) == wanted


def test_quiet_hours_are_those_of_the_zone_and_may_lie_within_a_day():
    nap = QuietHours(time(13), time(15), BERLIN)
    assert nap.end_of(datetime(2019, 6, 3, 12, tzinfo=UTC)) == datetime(2019, 6, 3, 13, tzinfo=UTC)
    assert nap.end_of(datetime(2019, 6, 3, 13, tzinfo=UTC)) is None


def test_a_mute_takes_the_sound_of_what_is_not_grave_and_ends_by_itself():
    muted = MessagePolicy(muted_until=NOON + timedelta(hours=1))
    filled, halted = a_message(1), a_message(2, MessageKind.STATE_CHANGE)
    assert [step.is_silent for step in steps(filled, halted, policy=muted)] == [True, False]
    assert [step.is_silent for step in steps(filled, policy=muted, at=NOON + timedelta(hours=1))] == [False]


def test_at_night_only_what_is_grave_arrives():
    at = datetime(2019, 6, 4, 4, tzinfo=UTC)
    quiet, error, halt = steps(
        a_message(1, at=at),
        a_message(2, MessageKind.DAG_FAILURE, at=at),
        a_message(3, MessageKind.STATE_CHANGE, at=at),
        policy=MessagePolicy(NIGHT),
        at=at,
    )
    assert isinstance(quiet, Hold)
    assert quiet.until == datetime(2019, 6, 4, 11, tzinfo=UTC)
    assert isinstance(error, Send)
    assert isinstance(halt, Send)


@given(
    kind=st.sampled_from(MessageKind),
    delivery=st.sampled_from(Delivery),
    hour=st.integers(0, 23),
    age=st.integers(0, 100),
    count=st.integers(1, 12),
)
def test_nothing_is_lost_and_no_setting_holds_back_what_is_urgent(kind, delivery, hour, age, count):
    at = datetime(2019, 6, 4, hour, tzinfo=UTC)
    messages = [a_message(n, kind, at=at - timedelta(hours=age)) for n in range(count)]
    found = steps(*messages, policy=MessagePolicy(NIGHT, {kind: delivery}), at=at)
    named = [m for s in found for m in (s.messages if isinstance(s, Send) else (s.message,))]
    assert sorted(m.message_id for m in named) == list(range(count)), "each message has one fate"
    if KINDS[kind].is_urgent:
        assert all(isinstance(s, Send) and len(s.messages) == 1 for s in found)
    if KINDS[kind].severity is not Severity.INFO and delivery is not Delivery.OFF:
        assert not any(isinstance(s, Drop) for s in found)


def test_a_letter_that_nobody_confirmed_goes_again_with_the_very_same_messages():
    (repeat, fresh) = steps(a_message(1, reference="#1"), a_message(2, reference="#1"), a_message(3))
    assert repeat.is_repeat
    assert [m.message_id for m in repeat.messages] == [1, 2]
    assert not fresh.is_repeat
    assert letter_of(repeat, NOON).reference == "#1"


def test_the_settings_are_read():
    policy = policy_of(quiet="22:00-07:00", zone="Europe/Berlin", kinds="order_sent:silent, stop_moved:off")
    assert policy.quiet == QuietHours(time(22), time(7), BERLIN)
    assert policy.kinds == {MessageKind.ORDER_SENT: Delivery.SILENT, MessageKind.STOP_MOVED: Delivery.OFF}
    assert policy_of(quiet="", zone="America/New_York", kinds="") == MessagePolicy()


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"quiet": "22-7"}, "AIRDESK_TELEGRAM_QUIET='22-7' is no span of hours; write it as 22:00-07:00"),
        ({"quiet": "07:00-07:00"}, "AIRDESK_TELEGRAM_QUIET"),
        ({"zone": "Mars/North"}, "AIRDESK_TELEGRAM_ZONE='Mars/North' is no time zone"),
        ({"zone": "../etc/passwd"}, "AIRDESK_TELEGRAM_ZONE"),
        ({"kinds": "order_sent"}, "write KIND:on|silent|off|digest"),
        ({"kinds": "orders:off"}, "with a kind of decision"),
    ],
)
def test_a_setting_that_is_not_understood_is_named(given_, named):
    with pytest.raises(ConfigurationError) as refused:
        policy_of(**{"quiet": "", "zone": "America/New_York", "kinds": ""} | given_)
    assert named in str(refused.value)
