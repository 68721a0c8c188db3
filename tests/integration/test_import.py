"""A person's files: taken as traded and whole, or refused with the rows that are wrong."""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from trading.adapters.imports.bars import TOTAL_RETURN_SUFFIX, Adjustment, Anchor, BarImport
from trading.adapters.imports.news import TITLE_LIMIT
from trading.adapters.imports.rows import ImportFile
from trading.adapters.imports.tally import Tally
from trading.domain.market import Resolution
from trading.entrypoints import cli_data
from trading.errors import DataRejected
from trading.ports import Provenance
from trading.tasks.import_data import import_bars

from tests.imported import CALENDAR, bars_of, cpi_of, news_of, splits_of
from tests.shared_data import SHARED, TODAYS_BASIS, bar_imports, import_shared, needs_shared

HEADER = "symbol,ts,open,high,low,close,volume"
ORIGIN = Provenance("TEST", "a file", datetime(2023, 7, 1, tzinfo=UTC), "test")


def a_file(folder: Path, *rows: str, header: str = HEADER) -> ImportFile:
    path = folder / "given.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return ImportFile(path)


def a_request(file: ImportFile, **said) -> BarImport:
    return BarImport(**{"file": file, "source": "TEST", "resolution": Resolution.DAY} | said)


def the_splits(folder: Path):
    path = folder / "splits.csv"
    path.write_text("symbol,ex_date,ratio\nNVDA,2021-07-20,4\nNVDA,2024-06-10,10\n")
    return splits_of(path)


def read_one(request: BarImport):
    (bars,) = bars_of(request).values()
    return bars


def test_a_daily_bar_spans_its_session_and_is_known_at_the_close(tmp_path):
    (bar,) = read_one(a_request(a_file(tmp_path, "AAPL,2023-06-01,177,180,176,180,68901800")))
    assert (bar.starts_at, bar.ends_at) == (
        datetime(2023, 6, 1, 13, 30, tzinfo=UTC),
        datetime(2023, 6, 1, 20, tzinfo=UTC),
    )
    assert bar.known_at == bar.ends_at


def test_split_adjusted_prices_are_stored_as_the_tape_said_them(tmp_path):
    file = a_file(tmp_path, "NVDA,2021-07-19,18,19,18,18.77975,400", "NVDA,2021-07-20,18.6,18.7,18.5,18.6,400")
    said = {"adjustment": Adjustment.SPLIT, "splits": the_splits(tmp_path), "basis_on": date(2026, 8, 1)}
    before, on_ex = read_one(a_request(file, **said))
    assert before.close == pytest.approx(751.19)
    assert before.volume == pytest.approx(10)
    assert on_ex.close == pytest.approx(186.0)


def test_the_wrong_share_basis_shows_as_a_jump_and_is_refused(tmp_path):
    file = a_file(tmp_path, "NVDA,2021-07-19,751,751,751,751,400", "NVDA,2021-07-20,186,186,186,186,400")
    said = {"adjustment": Adjustment.SPLIT, "splits": the_splits(tmp_path), "basis_on": date(2026, 8, 1)}
    with pytest.raises(DataRejected, match=r"line 3: NVDA 2021-07-20 .* jump"):
        read_one(a_request(file, **said))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"resolution": Resolution.HOUR, "anchor": Anchor.CLOCK}, "clock-anchored hours"),
        ({"adjustment": Adjustment.TOTAL_RETURN}, "serve returns, not prices"),
        ({"adjustment": Adjustment.SPLIT}, "--splits FILE and --basis-on DATE"),
    ],
)
def test_what_cannot_be_a_price_is_refused_with_a_sentence(tmp_path, said, sentence):
    with pytest.raises(DataRejected, match=sentence):
        a_request(a_file(tmp_path), **said)


def test_total_return_prices_are_stored_only_on_request_and_say_so(tmp_path):
    file = a_file(tmp_path, "NVDA,2023-06-01,38,39,37,38,100")
    said = {"adjustment": Adjustment.TOTAL_RETURN, "splits": the_splits(tmp_path), "basis_on": date(2023, 6, 1)}
    (bar,) = read_one(a_request(file, **said, total_return_as_price=True))
    assert bar.source == "TEST" + TOTAL_RETURN_SUFFIX


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("AAPL,2023-06-02,nan,1,1,1,1", "not a finite number"),
        ("AAPL,2023-06-02,,1,1,1,1", "not a number"),
        ("AAPL,2023-06-02,177,170,176,180,1", "crossed"),
        ("AAPL,2023-06-02,0,180,0,180,1", "not_positive"),
        ("AAPL,2023-06-02,177,181,176,180,-5", "negative_volume"),
        ("AAPL,2023-06-03,177,181,176,180,5", "not a session"),
        ("AAPL,2023-06-01,177,181,176,179,5", "another row says otherwise"),
        ("AAPL,06/02/2023,177,181,176,179,5", "not a date YYYY-MM-DD"),
        ("AAPL,2023-06-02,17.7,18.1,17.6,17.9,5", "jump"),
    ],
)
def test_one_bad_row_refuses_the_file_and_is_named(tmp_path, row, reason):
    file = a_file(tmp_path, "AAPL,2023-06-01,177,180,176,180,1", row, "AAPL,2023-06-05,177,180,176,180,1")
    with pytest.raises(
        DataRejected, match=r"given.csv: \d+ of 3 rows are not usable, nothing was stored:\n  line"
    ) as refusal:
        read_one(a_request(file))
    assert reason in str(refusal.value)


def test_only_the_first_twenty_bad_rows_are_listed(tmp_path):
    rows = [f"AAPL,2023-06-01,x{n},1,1,1,1" for n in range(50)]
    with pytest.raises(DataRejected, match="50 of 50 rows") as refusal:
        read_one(a_request(a_file(tmp_path, *rows)))
    assert str(refusal.value).count("  line") == 20


def test_hours_on_the_clock_that_claim_to_be_session_hours_are_refused(tmp_path):
    file = a_file(tmp_path, "AAPL,2023-06-01T14:00:00Z,177,180,176,180,1")
    with pytest.raises(DataRejected, match="not anchored at its open"):
        read_one(a_request(file, resolution=Resolution.HOUR))


def test_the_last_hour_of_a_session_is_cut_at_the_close_and_late_prints_of_a_half_day_are_left_out(tmp_path):
    rows = [f"AAPL,2023-11-24T{hour}:30:00Z,177,180,176,180,1" for hour in (16, 17, 18, 20)]
    tally = Tally()
    bars = bars_of(a_request(a_file(tmp_path, *rows), resolution=Resolution.HOUR), tally)
    assert [bar.ends_at.strftime("%H:%M") for bar in bars["AAPL"]] == ["17:30", "18:00"]
    assert tally.outside == 2


def test_an_instant_without_offset_is_refused(tmp_path):
    with pytest.raises(DataRejected, match="names no offset"):
        read_one(a_request(a_file(tmp_path, "AAPL,2023-06-01 13:30,1,1,1,1,1"), resolution=Resolution.HOUR))


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(DataRejected, match="lacks the column close"):
        read_one(a_request(a_file(tmp_path, header="symbol,ts,open,high,low,volume")))


def test_what_is_no_gzip_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "given.csv.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(DataRejected, match="cannot be read"):
        read_one(a_request(ImportFile(path)))


def test_compressed_files_filters_and_symbols_are_understood(tmp_path):
    path = tmp_path / "given.csv.gz"
    rows = ["AAPL,2023-06-01,1,1,1,1,1,a", "AAPL,2023-06-01,9,9,9,9,1,b", "MSFT,2023-06-01,2,2,2,2,1,a"]
    path.write_bytes(gzip.compress("\n".join([HEADER + ",venue", *rows]).encode()))
    (bar,) = read_one(a_request(ImportFile(path, {"venue": "b"}), symbols=frozenset({"AAPL"})))
    assert bar.close == 9


NEWS_HEADER = "ts,headline,source,symbols"


def test_a_story_with_a_date_only_is_known_at_the_next_sessions_open(tmp_path):
    (item,) = news_of(a_file(tmp_path, "2023-06-02,Apple wins,cnbc,AAPL|MSFT", header=NEWS_HEADER))
    assert item.known_at == datetime(2023, 6, 5, 13, 30, tzinfo=UTC)
    assert item.symbols == ("AAPL", "MSFT")


def test_a_story_with_an_instant_is_known_then(tmp_path):
    row = "2023-06-02T10:00:00-04:00,Apple wins,cnbc,AAPL"
    (item,) = news_of(a_file(tmp_path, row, header=NEWS_HEADER))
    assert item.known_at == item.published_at == datetime(2023, 6, 2, 14, tzinfo=UTC)


def test_hostile_headlines_are_data_of_bounded_length(tmp_path):
    oracle = SHARED.parent / "oracles" / "hostile_headlines.json"
    if not oracle.is_file():
        pytest.skip("../shared/oracles is not beside this checkout")
    texts = []
    for case in json.loads(oracle.read_text())["cases"]:
        made = case.get("make")
        texts.append(made["repeat"] * made["times"] if made else case["text"] or "")
    quoted = [f"""2023-06-02,"{text.replace('"', '""')}",cnbc,AAPL""" for text in texts]
    tally = Tally()
    items = news_of(a_file(tmp_path, *quoted, header=NEWS_HEADER), tally)
    assert [item.title for item in items] == [text.strip()[:TITLE_LIMIT] for text in texts if text]
    assert tally.without_headline == 2


def test_consumer_prices_are_known_two_weeks_after_their_month(tmp_path):
    file = a_file(tmp_path, "CUUR0000SA0,2023-02-01,300.84", "CUSR0000SA0,2023-02-01,301.6", header="series,ts,value")
    (point,) = cpi_of(file)
    assert (point.value, point.known_at.date()) == (300.84, date(2023, 3, 14))
    with pytest.raises(DataRejected, match="no rule reads"):
        cpi_of(file, series="CUSR0000SA0")


def test_a_refused_file_leaves_nothing_and_a_second_import_changes_nothing(store, tmp_path):
    file = a_file(tmp_path, "AAPL,2023-06-01,177,180,176,180,1", "AAPL,2023-06-02,177,180,176,180,1")
    bars = bars_of(a_request(file)).values()
    assert import_bars(store, bars, ORIGIN).stored == 2
    again = import_bars(store, bars, ORIGIN)
    assert (again.stored, again.unchanged) == (0, 2)


def test_the_command_line_knows_every_kind_of_file():
    parser = argparse.ArgumentParser()
    cli_data.register(parser.add_subparsers())
    line = "data import bars f.csv --resolution 1h --adjustment split --splits s.csv --basis-on 2026-08-01"
    options = parser.parse_args([*line.split(), "--filter", "source=a", "--symbols", "AAPL,MSFT"])
    assert (options.resolution, options.adjustment, options.anchor) == (
        Resolution.HOUR,
        Adjustment.SPLIT,
        None,
    )
    for kind in ("vix", "news", "fundamentals", "earnings", "splits", "dividends", "cpi", "gpr"):
        assert callable(parser.parse_args(["data", "import", kind, "f.csv"]).run)


# --- the real files beside the checkout ---------------------------------------------------------


@pytest.fixture(scope="module")
def real_bars():
    return [(request, bars_of(request)) for request in bar_imports()]


def closes(real_bars, resolution):
    found = {}
    for request, bars in real_bars:
        if request.resolution is resolution:
            for symbol, of_symbol in bars.items():
                found.setdefault(symbol, {}).update({bar.starts_at.date(): bar.close for bar in of_symbol})
    return found


@needs_shared
@pytest.mark.shared
def test_real_prices_come_back_at_the_levels_of_the_tape(real_bars):
    tape = {
        ("NVDA", date(2021, 7, 19)): 751.19,
        ("AAPL", date(2020, 8, 28)): 499.23,
        ("TSLA", date(2020, 8, 28)): 2213.40,
    }
    daily, hourly = closes(real_bars, Resolution.DAY), closes(real_bars, Resolution.HOUR)
    for (symbol, on), price in tape.items():
        assert daily[symbol][on] == pytest.approx(price, abs=0.01)
        assert hourly[symbol][on] == pytest.approx(price, rel=0.001)


@needs_shared
@pytest.mark.shared
def test_real_hours_and_days_stand_on_one_share_basis(real_bars):
    daily, hourly = closes(real_bars, Resolution.DAY), closes(real_bars, Resolution.HOUR)
    for symbol, by_day in hourly.items():
        ratios = [close / daily[symbol][on] for on, close in by_day.items()]
        assert statistics.median(ratios) == pytest.approx(1, abs=2e-4)
        assert 0.9 < min(ratios) <= max(ratios) < 1.1


@needs_shared
@pytest.mark.shared
def test_files_marked_total_return_are_plain_prices_for_names_that_never_paid(real_bars):
    daily = closes(real_bars, Resolution.DAY)
    splits = splits_of(SHARED / "prices/splits.csv")
    other = BarImport(
        file=ImportFile(SHARED / "prices/daily_alt.csv.gz", {"source": "course1"}),
        source="course1",
        resolution=Resolution.DAY,
        adjustment=Adjustment.SPLIT,
        splits=splits,
        basis_on=TODAYS_BASIS,
        symbols=frozenset({"GLD", "SLV", "TSLA"}),
    )
    for symbol, bars in bars_of(other).items():
        ratios = [daily[symbol][bar.starts_at.date()] / bar.close for bar in bars]
        assert statistics.median(ratios) == pytest.approx(1, abs=1e-3)
        assert statistics.median(ratios[:50]) == pytest.approx(statistics.median(ratios[-50:]), abs=1e-3)


@needs_shared
@pytest.mark.shared
def test_the_clock_anchored_half_of_the_hourly_file_is_refused(real_bars):
    hours = next(request for request, _ in real_bars if request.resolution is Resolution.HOUR)
    clock = replace(hours, file=ImportFile(hours.file.path, {"source": "hmm"}))
    with pytest.raises(DataRejected, match="not anchored at its open"):
        bars_of(clock)


@needs_shared
@pytest.mark.shared
def test_the_whole_of_the_shared_data_is_stored(store):
    counts = import_shared(store, CALENDAR)
    assert counts.rejected == 0
    assert counts.stored == counts.received > 90_000
    with store.transaction() as tx:
        newest = tx.market.last_bar_starts_at(Resolution.DAY)
        assert {s for s, at in newest.items() if at.date() == date(2023, 12, 29)} >= {
            "GLD", "SLV", "NEM", "AEM", "NVDA", "AMD", "BOTZ", "AAPL", "MSFT", "TSLA", "SPY", "QQQ", "VIX",
        }  # fmt: skip
        assert tx.market.parked() == {}
