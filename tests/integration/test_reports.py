"""Reports of a small book: the figures that a person reads, whole pages that load nothing, pictures of bounded size."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image
from trading.accounting.reconciliation_kinds import FULL, Difference, DifferenceKind
from trading.adapters.report_files import StateReportFiles
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.market import session_slots
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType, Side
from trading.domain.parity import DifferenceKind as ParityDifferenceKind
from trading.domain.parity import Parity, ParityDifference, ParityFill, ParityOutcome
from trading.domain.portfolio import TradingState
from trading.domain.rebalances import Preview, PreviewedName, PreviewedTrade
from trading.domain.signals import Targets
from trading.entrypoints.cli import main
from trading.errors import PermanentError
from trading.execution.checks import Denial
from trading.ports import Proof, ReconciliationKind, Services, Sources, Stage
from trading.reporting.document import caption_of, json_of, page_of, picture_of
from trading.tasks.nightly_reports import KEPT, ends_week, report_night
from trading.tasks.reports.daily import daily_report
from trading.tasks.reports.rebalance import rebalance_report
from trading.tasks.reports.reconciliation import reconciliation_report
from trading.tasks.reports.replayed import parity_report, stored_replay_report
from trading.tasks.reports.taxes import tax_report
from trading.tasks.reports.weekly import weekly_report

from tests.builders import AS_OF, BOOK, a_decision, a_news_item, a_reason, a_run, an_order, an_origin
from tests.desk_browser import chromium
from tests.fakes import FixedClock
from tests.html_reader import assert_loads_nothing, read
from tests.integration.standing_desk import CALENDAR, CLOSE, DAY, THREE_SECTOR, three_days

WEDNESDAY = date(2019, 6, 5)
EVENING = CLOSE + 2 * DAY + timedelta(hours=2)
HOSTILE = '<script>alert("x")</script> & <img src=x onerror=alert(1)> NVDA'
REBALANCED = AS_OF + 2 * DAY


@pytest.fixture
def services(store, tmp_path) -> Services:
    three_days(store)
    with store.transaction() as tx:
        add_a_denied_entry(tx)
        add_a_rebalance(tx)
        tx.market.add_news([a_news_item(title=HOSTILE, published_at=AS_OF + DAY, known_at=AS_OF + DAY)], an_origin())
        found = Difference(DifferenceKind.CASH, None, "104,813.00", "104,800.00", cash_usd=Decimal(-13))
        kind = ReconciliationKind.NIGHTLY
        tx.reconciliations.file(Proof(BOOK, kind, WEDNESDAY, EVENING - timedelta(hours=26), "h", FULL, (found,), {}))
        parity = Parity(BOOK, WEDNESDAY, ParityOutcome.EQUAL, "7 decisions and 1 order are the same", 7, 7, 1, 1)
        tx.parity.save(parity)
        tx.controls.set_state(BOOK, TradingState.REDUCE_ONLY, reason=HOSTILE, actor="cli:me")
    clock = FixedClock(EVENING)
    return Services(store, CALENDAR, clock, Sources(), broker=None, report_files=StateReportFiles(tmp_path / "reports"))


def a_day_that_differs() -> Parity:
    """A late price on Monday, a verdict that followed from it, and a fill that the book missed."""
    kinds = ParityDifferenceKind
    found = (
        ParityDifference(kinds.INPUT, AS_OF, "NVDA", "price", "unknown (no data)", "100", "late data"),
        ParityDifference(kinds.HASH, AS_OF, None, "decision hash", "1f2e3d4c5b6a7988", "9a8b7c6d5e4f3021"),
    )
    missed = ParityFill(
        "NVDA", OrderPurpose.ENTRY, Side.BUY, AS_OF, Decimal(100), None, None, None, Decimal(10), Decimal("100.1"),
        Decimal(1),
    )  # fmt: skip
    return Parity(
        BOOK, AS_OF.date(), ParityOutcome.DIFFERENT, "6 of 7 decisions equal; 0 of 1 orders equal; 0 of 1 fills",
        7, 6, 1, 0, (missed,), 0, nav_usd=104_812.0, replay_nav_usd=104_815.5, differences=found,
        remarks=("decided by 0.0.9, replayed by 0.1.0",),
    )  # fmt: skip


def add_a_denied_entry(tx) -> None:
    """Wednesday's decision wanted AAPL and was told no; its price had been seen."""
    at = AS_OF + 2 * DAY
    decision = a_decision(as_of=at, cutoff_at=at, session_on=WEDNESDAY, decision_id=f"hourly.x.{BOOK}", note="one no")
    order = an_order(decision_id=decision.decision_id, symbol="AAPL", planned_at=at, status=OrderStatus.DENIED)
    reasons = [replace(a_reason(), symbol="AAPL", as_of=at, rule="rsi_below")]
    tx.decisions.add(decision, reasons, Targets(at, 100_000.0, {}), [order])
    denial = Denial("SECTOR_CAP", "tech would be 41.2 % of NAV", 0.412, 0.4)
    tx.checks.add_denials(order.order_id, [denial], stage=Stage.DECISION, at=at)


def add_a_rebalance(tx) -> None:
    """A trim of NVDA and a buy that waits, on Wednesday."""
    decision_id = decision_id_for(BOOK, DecisionKind.REBALANCE, REBALANCED)
    decision = a_decision(
        decision_id=decision_id, kind=DecisionKind.REBALANCE, as_of=REBALANCED, cutoff_at=REBALANCED,
        session_on=WEDNESDAY,
    )  # fmt: skip
    sale = an_order(
        decision_id=decision_id, side=Side.SELL, purpose=OrderPurpose.REBALANCE, order_type=OrderType.MARKET,
        limit_price=None, planned_at=REBALANCED,
    )  # fmt: skip
    tx.decisions.add(decision, [], Targets(REBALANCED, 105_000.0, {"NVDA": 0.08}), [sale])
    names = (PreviewedName("NVDA", 0.098, 0.08, 0.0883),)
    trades = (
        PreviewedTrade(
            "NVDA", Side.SELL, Decimal(10), 1_030.0, sale.order_id, Decimal("-20.5"), Decimal(0), Decimal(5)
        ),
        PreviewedTrade("GLD", Side.BUY, Decimal(3), 600.0),
    )
    tx.risk.add_rebalance(
        Preview(decision_id, BOOK, REBALANCED, "the first session", 105_000.0, 94_700.0, 95_130.0, names, trades)
    )


def assert_sound(report) -> str:
    """Hold page, picture and JSON of a report to what all of them promise; return the words of the page."""
    page = page_of(report)
    assert_loads_nothing(page)
    assert "SYNTHETIC" in page.split("</header>")[0]
    body = picture_of(report)
    image = Image.open(BytesIO(body))
    image.verify()
    assert image.format == "PNG"
    assert image.width == 1_080
    assert image.height < 4_000
    assert len(body) < 150_000
    assert json.loads(json.dumps(json_of(report), allow_nan=False))["name"] == report.name
    assert len(caption_of(report)) <= 1_000
    return read(page).text


def tiles_of(report) -> dict[str, str]:
    """Return the figures by name; where no line breaks stands a plain space."""
    return {name: value.replace("\u00a0", " ") for value, name in report.tiles}


def test_the_day_says_what_changed_and_why(services):
    report = daily_report(services, THREE_SECTOR, BOOK)
    words = assert_sound(report)
    assert tiles_of(report) == {
        "NAV": "104,813 USD",
        "gain of the session": "−502 USD",
        "the session": "−0.5 %",
        "SPY, the session": "+1.0 %",
        "the week so far": "−0.2 %",
        "from the highest close": "−0.5 %",
        "invested": "0.0 %",
        "commissions": "2.00 USD",
    }
    assert "NVDA −502 USD (−0.5 %)" in words
    assert "Realised −203 USD, unrealised −299 USD, dividends 0 USD" in words
    assert "AAPL SECTOR_CAP 1 0.412 against 0.4 tech would be 41.2 % of NAV" in words
    assert "06-05 10:30 NVDA SELL 100 trailing stop – 98.00 – – 2.00" in words
    assert "1 1 d 2 h the book cash – 104,813.00 | 104,800.00" in words
    assert "equal: 7 decisions and 1 order are the same" in words
    assert "Next session: Thu 6 Jun 2019, 09:30 to 16:00 New York time; first decision 10:30." in words
    assert "Open breaks: 1." in caption_of(report)


def test_words_of_strangers_are_data(services):
    page = page_of(daily_report(services, THREE_SECTOR, BOOK))
    assert "<script" not in page
    assert "<img" not in page
    # The headline, and the reason of the state twice: where it stands, and as the lock that it is.
    assert page.count("&lt;script&gt;") == 3


def test_an_earlier_day_leaves_out_what_is_known_of_now_only(services):
    report = daily_report(services, THREE_SECTOR, BOOK, date(2019, 6, 4))
    words = assert_sound(report)
    assert "NVDA +216 USD (+0.2 %)" in words
    assert "dividends +16 USD" in words
    assert "Paid in: 5,000.00 USD, which is no gain." in words
    assert "Trading state" not in words
    assert "a report of an earlier session leaves them out" in words
    with pytest.raises(PermanentError, match="no mark of 2019-06-07 to report; the newest is 2019-06-05"):
        daily_report(services, THREE_SECTOR, BOOK, date(2019, 6, 7))


def test_a_first_day_says_that_it_is_too_little(services):
    words = assert_sound(daily_report(services, THREE_SECTOR, BOOK, date(2019, 6, 3)))
    assert "The last" not in words


def test_the_week_adds_its_days_up(services):
    report = weekly_report(services, THREE_SECTOR, BOOK)
    words = assert_sound(report)
    tiles = tiles_of(report)
    assert tiles["gain of the week"] == "−187 USD"
    assert tiles["SPY, the week"] == "+3.0 %"
    assert (tiles["trades closed"], tiles["their gain"]) == ("1", "−203 USD")
    assert "Tue 4 Jun 2019 105,315 +216 +0.2 % 0 +200 0.00" in words
    assert "trailing stop 1 0.0 % −203" in words
    assert "Only 1 closed trade: under 30 no rate or ratio of trades means much." in words
    assert "Beside its replay: 2019-06-05 equal." in words
    assert "the book −0.2 %, SPY, held +3.0 %" in caption_of(report).replace("\u00a0", " ")


def test_a_rebalance_says_weights_trades_and_taxes(services):
    report = rebalance_report(services, THREE_SECTOR, BOOK)
    words = assert_sound(report)
    assert "NVDA 9.8 % 8.0 % 8.8 %" in words
    assert "NVDA SELL 10 1,030 −20 0 +5 goes" in words
    assert "1 buy waits until the sales have had their hour." in words
    assert "short-term −20 USD, long-term 0 USD; 5.00 USD of losses would be wash sales" in words
    assert "None of its orders has filled yet" in words
    assert tiles_of(report)["commissions so far"] == "–"


def test_book_and_broker(services):
    report = reconciliation_report(services, BOOK)
    words = assert_sound(report)
    tiles = tiles_of(report)
    assert (tiles["book and broker that night"], tiles["open breaks"]) == ("differ", "1")
    assert tiles["cash of the book"] == "104,813.00 USD"
    assert "fill 1 +9,800.00 commission 1 −2.00" in words
    assert "No statement of the broker is stored" in words


def test_a_year_of_taxes(services):
    report = tax_report(services, BOOK, 2019)
    words = assert_sound(report)
    assert tiles_of(report)["short-term"] == "−203.00 USD"
    assert "dividend 1 +16" in words
    assert "SIMULATED trades of demo:test: nothing of them is to be filed." in words
    assert "everything ties" in words


def test_a_day_beside_its_replay_and_a_stored_replay(services):
    parity = parity_report(services, THREE_SECTOR, BOOK)
    assert "equal" in assert_sound(parity)
    assert parity.tiles[0] == ("7 of 7", "decisions equal")
    with services.store.transaction() as tx:
        tx.replays.save_run(a_run(is_synthetic=True))
    words = assert_sound(stored_replay_report(services, THREE_SECTOR, "june"))
    assert "Only 3 sessions: figures a year are extrapolated." in words
    assert "NVDA 1 100.0 % +98" in words


def test_a_day_that_differs_shows_both_sides_and_the_cause_on_a_phone_too(services):
    with services.store.transaction() as tx:
        tx.parity.save(a_day_that_differs())
    report = parity_report(services, THREE_SECTOR, BOOK, AS_OF.date())
    words = assert_sound(report)
    assert "NVDA input: price unknown (no data) 100 late data" in words
    assert "decision hash 1f2e3d4c5b6a7988 9a8b7c6d5e4f3021 not known; look at ./airdesk why" in words
    assert "NVDA BUY entry 100.00 USD missed 100.10 USD" in words
    assert "What the day was like decided by 0.0.9, replayed by 0.1.0" in words
    assert "No night compared an earlier day." in words
    others = (daily_report(services, THREE_SECTOR, BOOK), tax_report(services, BOOK, 2019))
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
        for shown in (report, *others):
            page.set_content(page_of(shown))
            assert page.evaluate("document.documentElement.scrollWidth") == 390, shown.name
            for cell in page.locator("table.words td:last-child").all():
                box = cell.bounding_box()
                assert box["x"] + box["width"] <= 390, (shown.name, cell.inner_text())


# --- the night ----------------------------------------------------------------------------------


def slot_of(on: date):
    return session_slots(CALENDAR.session(on))[-1]


def messages(store) -> list[tuple[str, bytes]]:
    with store.transaction() as tx:
        rows = tx.standing._sql.connection.cursor()
        rows.execute("SELECT kind, picture FROM ops.outbox ORDER BY message_id")
        return [(kind, bytes(picture)) for kind, picture in rows.fetchall() if picture is not None]


def test_the_night_writes_pages_and_sends_each_picture_once(services, tmp_path):
    for _ in range(2):
        report = report_night(services, THREE_SECTOR, BOOK, slot_of(WEDNESDAY))
        assert report.counts == {"reports": 3, "old_files_deleted": 0}
    written = sorted(p.name for p in (tmp_path / "reports").iterdir())
    stems = [f"{kind}-2019-06-05-demo-test" for kind in ("daily", "rebalance", "reconciliation")]
    assert written == [f"{stem}.{ending}" for stem in stems for ending in ("html", "png")]
    sent = messages(services.store)
    assert [kind for kind, _ in sent] == ["daily_report", "rebalance_report"]
    assert all(picture.startswith(b"\x89PNG") for _, picture in sent)


def test_a_night_by_hand_before_the_close_sends_nothing(services, tmp_path):
    noon = session_slots(CALENDAR.session(WEDNESDAY))[2]
    assert report_night(services, THREE_SECTOR, BOOK, noon).counts["reports"] == 3
    assert (tmp_path / "reports" / "daily-2019-06-05-demo-test.html").exists()
    assert messages(services.store) == []


def test_a_week_ends_with_its_last_session():
    assert [ends_week(CALENDAR, slot_of(date(2019, 6, d))) for d in (3, 4, 5, 6, 7)] == [False] * 4 + [True]
    assert ends_week(CALENDAR, slot_of(date(2019, 4, 18))), "Good Friday was closed"


class BrokenFiles(StateReportFiles):
    """A folder that takes no page of a day."""

    def write(self, file_name: str, content: bytes) -> str:
        if file_name.startswith("daily"):
            raise OSError("No space left on device")
        return super().write(file_name, content)


def test_a_report_that_fails_takes_no_other_with_it(services, tmp_path):
    broken = replace(services, report_files=BrokenFiles(tmp_path / "reports"))
    with pytest.raises(PermanentError, match=r"daily: No space left on device; the others were made"):
        report_night(broken, THREE_SECTOR, BOOK, slot_of(WEDNESDAY))
    assert (tmp_path / "reports" / "reconciliation-2019-06-05-demo-test.html").exists()
    assert [kind for kind, _ in messages(services.store)] == ["daily_report", "rebalance_report"]
    with services.store.transaction() as tx:
        assert tx.controls.trading_state(BOOK) is TradingState.REDUCE_ONLY


def test_old_reports_go_and_a_session_without_marks_has_none(services, tmp_path):
    old = tmp_path / "reports" / "daily-2018-01-02-demo-test.html"
    old.parent.mkdir()
    old.write_text("old")
    late = replace(services, clock=FixedClock(datetime.now(UTC) + KEPT + DAY))
    assert report_night(late, THREE_SECTOR, BOOK, slot_of(WEDNESDAY)).counts["old_files_deleted"] > 0
    assert not old.exists()
    skipped = report_night(services, THREE_SECTOR, BOOK, slot_of(date(2019, 6, 6)))
    assert skipped.notes == ("skipped: demo:test has no mark of 2019-06-06",)


# --- by hand ------------------------------------------------------------------------------------


@pytest.fixture
def airdesk(services, database_url, monkeypatch, capsys):
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_BOOK", str(BOOK))
    monkeypatch.setenv("AIRDESK_MODE", "demo")

    def run(*words: str) -> tuple[int, str]:
        code = main(["report", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_the_command_writes_page_and_picture(airdesk, tmp_path):
    code, said = airdesk("weekly", "--out", str(tmp_path / "out"), "--png")
    assert code == 0
    assert "SYNTHETIC Week to Wed 5 Jun 2019" in said
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["weekly-2019-06-05-demo-test.html", "weekly-2019-06-05-demo-test.png"]
    code, said = airdesk("tax", "2019", "--json")
    assert json.loads(said)["figures"]["dividends"] == "16.00 USD"
    assert airdesk("daily", "--png")[0] == 1
