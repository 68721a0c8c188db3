"""No named query asks the server's clock or reads past a decision's instant; each exception says why it is meant."""

from __future__ import annotations

import pytest
from trading.adapters.sql_files import SQL_DIR, queries

from tests.architecture.sql_lint import clock_reads, unbounded_facts, unbounded_newest

QUOTA = "calls of vendors are counted when they are made, whatever hour is decided"
STAMP = "stamps a row with when a person or the desk acted; no decision reads it"
OF_NOW = "is about the desk as it stands; a replay does not read it"
OF_THE_BOOK = "a book only moves forward: its newest row is older than the decision that reads it"
WRITES = "compares a delivery with what is stored; it decides nothing"
SHOWS = "shows what is stored; it decides nothing"

MEANT = {
    "clock_reads": {
        **dict.fromkeys(
            (
                "calls.add_call", "calls.capability_off", "calls.claim_probe", "calls.newest_probe", "calls.note_call",
                "calls.note_probe", "calls.switch_capability_off", "calls.vendor_room", "calls.vendor_usage",
            ),
            QUOTA,
        ),
        **dict.fromkeys(
            (
                "bot.add_intent", "bot.answer_intent", "bot.forget_updates",
                "controls.add_code", "controls.use_code", "history.keep_new_reply", "history.keep_seen_reply",
                "migrations.create_migrations_table", "orders.renew_ids", "orders.reserve_intents",
                "reconciliations.close_break", "roles.note_granted_rights",
            ),
            STAMP,
        ),
        "migrations.database_facts": SHOWS,
        **dict.fromkeys(("bot.read_intent", "bot.stranger_warnings", "bot.waiting_about"), OF_NOW),
    },
    "unbounded_newest": {
        **dict.fromkeys(
            (
                "bot.answerer", "bot.newest_mute", "controls.newest_audit", "controls.newest_live_arm",
                "controls.read_restrictions", "controls.state_event",
                "controls.state_reason", "controls.symbol_holds",
                "controls.trading_state", "gates.parked", "gates.released_by_person", "reconciliations.clean_sessions",
                "reconciliations.order_of_perm",
            ),
            OF_NOW,
        ),
        **dict.fromkeys(
            (
                "decisions.newest_decision", "ledger.high_waters", "ledger.read_fills", "ledger.read_navs",
                "orders.newest_guards", "orders.recent_orders",
            ),
            OF_THE_BOOK,
        ),
        **dict.fromkeys(("bars.merge_bars", "gates.add_action_state", "gates.add_park_events"), WRITES),
        "bars.last_bar_starts": "says from where an ingest goes on asking; no decision reads it",
        "calls.newest_probe": QUOTA,
        "decisions.decision_of_run": SHOWS,
        "history.newest_facts": SHOWS,
        "history.last_asked": "says whose turn it is to be asked about; no decision reads it",
        "gates.split_judgements": SHOWS,
        **dict.fromkeys(("outbox.list_messages", "outbox.newest_message"), SHOWS),
        "parity.parity_days": SHOWS,
        "replays.run_names": SHOWS,
        "standing.newest_statement": SHOWS,
    },
    "unbounded_facts": {
        **dict.fromkeys(
            ("bars.has_bars", "bars.merge_bars", "gates.add_action_state", "gates.add_session_notice"), WRITES
        ),
        "bars.last_bar_starts": "says from where an ingest goes on asking; no decision reads it",
        **dict.fromkeys(("gates.split_judgements", "history.bar_starts"), SHOWS),
        **dict.fromkeys(("history.newest_facts", "history.source_rows"), SHOWS),
    },
}  # fmt: skip
RULES = {rule.__name__: rule for rule in (clock_reads, unbounded_newest, unbounded_facts)}


def every_query():
    for path in sorted((SQL_DIR / "queries").glob("*.sql")):
        for query in queries(path.stem).values():
            yield f"{path.stem}.{query.name}", query.text


@pytest.mark.parametrize("rule", RULES)
def test_no_query_breaks_the_rule_unless_it_is_meant(rule):
    found = {name: list(RULES[rule](text)) for name, text in every_query()}
    assert {f"{name} {what}" for name, told in found.items() for what in told if name not in MEANT[rule]} == set()


@pytest.mark.parametrize("rule", RULES)
def test_every_exception_is_still_needed(rule):
    breaking = {name for name, text in every_query() if list(RULES[rule](text))}
    assert set(MEANT[rule]) - breaking == set()


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("SELECT * FROM desk.nav WHERE as_of <= now()", clock_reads),
        ("SELECT * FROM desk.nav WHERE session_on = CURRENT_DATE", clock_reads),
        ("SELECT close FROM market.bars WHERE symbol = %(symbol)s ORDER BY starts_at DESC LIMIT 1", unbounded_newest),
        ("SELECT DISTINCT ON (symbol) * FROM market.bars ORDER BY symbol, starts_at DESC", unbounded_newest),
        ("SELECT * FROM market.news WHERE published_at <= %(as_of)s", unbounded_facts),
    ],
)
def test_a_planted_query_is_found_and_told_what_to_do(planted, rule):
    (what,) = rule(planted)
    assert len(what.split(";")[1].split()) > 2


@pytest.mark.parametrize(
    "harmless",
    [
        "SELECT close FROM market.bars WHERE known_at <= %(cutoff_at)s ORDER BY starts_at DESC LIMIT 1",
        "SELECT 1 -- as of now() and ORDER BY x DESC LIMIT 1",
    ],
)
def test_a_bounded_query_passes(harmless):
    assert [what for rule in RULES.values() for what in rule(harmless)] == []
