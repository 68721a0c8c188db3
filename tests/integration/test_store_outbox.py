"""The outbox on a real Postgres."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind

BOOK = BookId(BookKind.DEMO, "default")
LATER = datetime.now(UTC) + timedelta(hours=1)


def count(url: str, table: str) -> int:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def test_a_message_is_sent_once_and_carries_its_badge(store, database_url) -> None:
    message = {"dedupe_key": "k", "kind": MessageKind.ORDER_FILLED, "body": "x" * 5000}
    with store.transaction() as tx:
        assert tx.controls.notify(book=BOOK, **message)
        assert not tx.controls.notify(book=BOOK, **message)
        assert tx.controls.notify(book=None, **(message | {"dedupe_key": "other"}))
    assert count(database_url, "ops.outbox WHERE badge = 'SYNTHETIC' AND length(body) = 4000") == 1
    assert count(database_url, "ops.outbox WHERE state = 'pending' AND severity = 'info' AND buttons = '[]'") == 2


def test_a_message_that_is_there_uses_up_no_number(store, database_url) -> None:
    for key in ("a", "a", "a", "b"):
        with store.transaction() as tx:
            tx.controls.notify(dedupe_key=key, book=BOOK, kind=MessageKind.LOCK, body="x")
    assert count(database_url, "ops.outbox WHERE message_id <= 2") == 2


def test_a_message_may_carry_buttons_and_a_picture(store, database_url) -> None:
    rows = ((("approve", "ok:7:abcdefgh"), ("reject", "no:7:abcdefgh")),)
    with store.transaction() as tx:
        tx.controls.notify(
            dedupe_key="k", book=BOOK, kind=MessageKind.APPROVAL, body="?", buttons=rows, picture=b"\x89PNG"
        )
        with pytest.raises(AssertionError):
            tx.controls.notify(
                dedupe_key="l", book=BOOK, kind=MessageKind.APPROVAL, body="?", buttons=((("x", "é" * 33),),)
            )
    wanted = "severity = 'warning' AND buttons -> 0 -> 1 ->> 0 = 'reject' AND octet_length(picture) = 4"
    assert count(database_url, f"ops.outbox WHERE {wanted}") == 1


def test_what_is_sent_and_what_is_late_are_told_by_one_rule(store, read_url, database_url) -> None:
    with store.transaction() as tx:
        for key, kind in (("a", MessageKind.LOCK), ("b", MessageKind.LOCK), ("c", MessageKind.ORDER_SENT)):
            tx.controls.notify(dedupe_key=key, book=BOOK, kind=kind, body="x")
        held, behind, free = (m.message_id for m in tx.outbox.waiting(LATER, 10))
        tx.outbox.hold([held], LATER + timedelta(hours=1), "quiet hours")
        assert [m.message_id for m in tx.outbox.waiting(LATER, 10)] == [free]
        assert tx.outbox.backlog(LATER)[0] == 1
        tx.outbox.begin([free], "#1", is_repeat=False)
        assert tx.outbox.waiting(LATER, 10) == (), "it is being handed over"
        assert tx.outbox.backlog(LATER)[0] == 1, "and has not arrived"
        later = LATER + timedelta(hours=1)
        assert [m.message_id for m in tx.outbox.waiting(later, 10)] == [held, behind]
        assert tx.outbox.backlog(later)[0] == 3
    with PostgresStore(database_url, read_url=read_url).snapshot() as tx:
        assert tx.outbox.backlog(LATER)[0] == 1, "whoever only reads may ask too"


def test_the_rule_costs_no_walk_through_messages_that_went(database_url) -> None:
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT count(*) FROM ops.messages_due(now())")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "outbox_waiting" in plan
    assert "Function Scan" not in plan
