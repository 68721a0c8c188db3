"""The fault catalogue: every fault that the desk must stand, and the tests that prove it. It makes `docs/faults.md`.

A test covers a fault by its name: `test_v01_…`, or `test_b05_b06_…` for several. Where a name says more than an
id would, the test is listed here. Write the page with `python -m tests.docs.faults`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_IDS = re.compile(r"^test_((?:[a-z]\d\d_)+)")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        severity: S1 money or a wrong order, S2 a wrong state or a missed trade, S3 operations.
        tests: "file:test" below tests/, beside those that carry the id.
        limit: what of it is not covered, and why; "" for nothing.
    """

    severity: str
    told: str
    tests: tuple[str, ...] = ()
    limit: str = ""


FAULTS: dict[str, Fault] = {
    "V01": Fault("S3", "a vendor answers 429, several times in a row"),
    "V02": Fault("S3", "a vendor answers 500, 502 or 503 for a while"),
    "V04": Fault("S2", "200 with a web page, JSON that was cut off, another content type"),
    "V05": Fault(
        "S1",
        "prices that are NaN, infinite, null, text or true",
        (
            "unit/analysis/test_quality.py:test_each_garbage_bar_of_a_vendor_gets_the_expected_verdict",
            "integration/test_store_market.py:test_a_bad_bar_that_slipped_through_meets_a_wall",
        ),
    ),
    "V06": Fault(
        "S1",
        "prices of zero or below, a high under the low, a close outside both",
        (
            "unit/analysis/test_quality.py:test_each_garbage_bar_of_a_vendor_gets_the_expected_verdict",
            "integration/test_ingest.py:test_refused_bars_are_counted_told_and_never_read",
        ),
    ),
    "V08": Fault(
        "S2",
        "the same bar twice, on one page or on several",
        ("integration/test_store_bars.py:test_what_was_put_in_is_what_comes_out_and_twice_is_once",),
    ),
    "V10": Fault(
        "S2",
        "bars out of order, or late",
        (
            "unit/analysis/test_quality.py:test_nothing_broken_passes_and_the_order_of_arrival_does_not_matter",
            "unit/analysis/test_quality.py:test_a_revision_known_later_wins_and_the_older_one_is_filed",
        ),
    ),
    "V11": Fault("S1", "the newest bar is hours or days old while the market is open"),
    "V14": Fault(
        "S2",
        "one symbol is missing, the others are fine",
        ("integration/test_gates.py:test_one_symbols_outage_parks_and_harms_no_other",),
    ),
    "V15": Fault("S1", "the VIX is missing or stale"),
    "V16": Fault(
        "S1",
        "earnings that are negative, zero or absent; funds without any",
        (
            "unit/analysis/test_valuation_and_risk.py:test_a_loss_is_known_but_has_no_ratio",
            "unit/analysis/test_valuation_and_risk.py:test_what_is_missing_is_named",
        ),
    ),
    "M01": Fault("S2", "a half day"),
    "M02": Fault("S3", "a holiday, a weekend, an unscheduled closure"),
    "M03": Fault("S2", "New York changes its clocks, and the weeks in which Europe has not"),
    "M05": Fault("S2", "a limit far from the market, a gap through a stop"),
    "C02": Fault("S2", "the machine's time zone is another one"),
    "P01": Fault("S2", "Postgres is down before a run"),
    "P02": Fault("S1", "Postgres dies between the intent and the send"),
    "P03": Fault("S1", "Postgres dies between the send and the stored fill"),
    "P05": Fault("S2", "serialisation failure or deadlock"),
    "P08": Fault("S2", "a migration is missing or half done"),
    "A01": Fault("S1", "the executor is killed at any line of its way"),
    "A03": Fault("S1", "a task is retried while its first copy still runs"),
    "A05": Fault("S1", "two runs of one hour"),
    "A06": Fault("S1", "a backfill beside live runs"),
    "A08": Fault("S1", "a finished sending is cleared and runs again"),
    "A13": Fault("S3", "an ingest that fails for ever"),
    "B01": Fault("S1", "the gateway cannot be reached before a send"),
    "B02": Fault("S1", "the connection breaks after the order's bytes left"),
    "B03": Fault("S1", "no answer at all after a send"),
    "B05": Fault("S1", "statuses, executions and commissions come twice"),
    "B06": Fault("S1", "filled in part, then cancelled"),
    "B08": Fault("S2", "the broker rejects an order, or keeps it inactive"),
    "B10": Fault("S1", "the gateway serves another account"),
    "B11": Fault("S1", "a live port or account while the mode is paper"),
    "B12": Fault("S2", "the nightly reset, the daily restart, the weekly login"),
    "B13": Fault("S1", "the client id is in use"),
    "B16": Fault("S3", "warnings that are no failures"),
    "B19": Fault("S2", "dividends, fees, interest and deposits change the cash"),
    "B22": Fault("S2", "a cash account whose cash has not settled"),
    "T01": Fault(
        "S2",
        "Telegram cannot be reached for hours",
        (
            "integration/test_sender_faults.py:"
            "test_an_outage_is_waited_for_longer_each_time_and_nothing_is_lost_or_doubled",
            "integration/test_watchdog.py:test_a_dead_database_goes_straight_to_telegram_and_again_until_it_arrived",
        ),
    ),
    "T02": Fault(
        "S1",
        "commands of strangers, forwarded, edited, by a channel, by another person's button",
        (
            "integration/test_bot.py:test_strangers_get_no_answer_and_a_row",
            "integration/test_bot.py:test_a_listed_person_is_told_why_nothing_was_done",
            "unit/entrypoints/bot/test_gate.py:"
            "test_the_gate_lets_in_a_listed_person_in_a_listed_chat_with_a_fresh_message",
        ),
    ),
    "T03": Fault(
        "S1",
        "an update that comes again, a bot that starts with old commands waiting",
        (
            "integration/test_bot.py:test_an_update_that_comes_again_does_nothing_also_after_a_restart",
            "integration/test_bot.py:test_what_was_typed_while_nobody_listened_is_never_carried_out",
        ),
    ),
    "T05": Fault(
        "S3",
        "a headline that breaks the markup of a message",
        (
            "integration/test_sender_faults.py:test_html_that_telegram_does_not_read_goes_once_as_plain_text",
            "integration/test_sender.py:test_hostile_headlines_are_words_and_nothing_else",
        ),
    ),
    "X01": Fault(
        "S1",
        "headlines that are SQL, HTML, templates or forged log lines",
        (
            "unit/analysis/test_stories.py:test_hostile_headlines_become_bounded_text",
            "unit/reporting/test_story_tables.py:test_a_story_shows_as_it_is_written_markup_and_all",
            "unit/entrypoints/test_logs.py:test_machines_read_one_object_a_line_without_secrets",
        ),
        "Formulas in CSV cells have no test of their own: no headline is written into a CSV file.",
    ),
    "X02": Fault(
        "S2",
        "a headline of a megabyte, or of nothing but conjunctions",
        (
            "unit/analysis/test_text_scores.py:test_hostile_headlines_are_only_data",
            "unit/analysis/test_entities.py:test_a_long_headline_is_read_in_a_moment",
        ),
    ),
    "X03": Fault(
        "S1",
        "text that is written as an order to a language model",
        ("unit/analysis/test_text_scores.py:test_hostile_headlines_are_only_data",),
        "No language model reads headlines here.",
    ),
    "S01": Fault("S1", "a secret in a log, an XCom, an exception or a message"),
    "S02": Fault(
        "S1",
        "the UI is reachable from outside, or lets anybody in",
        (
            "unit/entrypoints/test_checkout.py:test_airflow_listens_on_loopback_only_and_shows_no_configuration",
            "integration/test_doctor_security.py:test_a_setting_that_is_too_open_is_named_with_what_to_do",
            "docs/test_containers.py:test_published_ports_are_bound_to_loopback_and_only_the_ui_has_one",
        ),
    ),
    "S03": Fault(
        "S1",
        "a login of the database does what it may not",
        (
            "integration/test_database_roles.py:test_the_desk_changes_and_deletes_nothing_that_is_append_only",
            "integration/test_database_roles.py:test_of_a_fill_the_desk_may_only_add_the_commission",
            "integration/test_database_roles.py:test_a_reader_reads_every_table_and_writes_none",
        ),
        "Ingest and execution share one login of the desk (ADR 0056).",
    ),
    "S04": Fault("S1", "real money is switched on by one variable"),
    "S05": Fault("S1", "the kill switch while an order is being sent"),
    "R01": Fault("S1", "NaN in NAV, price or weight reaches the sizing"),
    "R02": Fault("S1", "an order far too large, or far from the market"),
    "R03": Fault("S1", "too many orders, too much turnover in a day"),
    "R04": Fault("S1", "the drawdown breaker trips, and the desk starts again"),
    "R05": Fault("S1", "the same signal hour after hour"),
    "R06": Fault("S1", "a stop in the window of a wash sale"),
}


def named_tests() -> Iterator[tuple[str, str]]:
    """Yield ("file:test", id) for every test that carries ids in its name."""
    for name in every_test():
        if found := _IDS.match(name.partition(":")[2]):
            for fault_id in found[1].rstrip("_").split("_"):
                yield name, fault_id.upper()


def every_test() -> Iterator[str]:
    """Yield "file:test" of every test function."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in _TEST.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT / 'tests').as_posix()}:{name}"


def coverage() -> dict[str, tuple[str, ...]]:
    """Return the tests of each fault."""
    by_name: dict[str, list[str]] = {fault_id: [] for fault_id in FAULTS}
    for name, fault_id in named_tests():
        by_name.setdefault(fault_id, []).append(name)
    return {fault_id: (*by_name[fault_id], *fault.tests) for fault_id, fault in FAULTS.items()}


def page() -> str:
    """Return docs/faults.md."""
    tests = coverage()
    lines = [
        "# Faults",
        "",
        "Every fault that the desk must stand, and the tests that prove it. `python -m tests.docs.faults` makes",
        "this page of `tests/docs/faults.py` and of the names of the tests; do not edit it.",
        "",
        "S1: money or a wrong order. S2: a wrong state or a missed trade. S3: operations.",
        "",
        "| id | | fault | tests |",
        "|---|---|---|---|",
    ]
    for fault_id, fault in FAULTS.items():
        shown = "<br>".join(f"`{name.rpartition('/')[2]}`" for name in tests[fault_id])
        limit = f"<br>{fault.limit}" if fault.limit else ""
        lines.append(f"| {fault_id} | {fault.severity} | {fault.told} | {shown}{limit} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
