"""CSV and Parquet through one reader and the real command: types, mappings, and a sum that names every row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from trading.adapters.imports.bars import BarImport
from trading.adapters.imports.rows import ImportFile
from trading.adapters.imports.spill import Spill
from trading.adapters.imports.tally import Tally
from trading.domain.gates import ActionState
from trading.domain.market import Resolution
from trading.errors import DataRejected, InvariantBroken
from trading.ports import IngestCounts
from trading.tasks.import_data import import_bars

from tests.builders import an_origin
from tests.import_command import imported, refused, speak_to
from tests.imported import bars_of, deliveries_of, news_of

DAYS = [date(2023, 6, 1), date(2023, 6, 2), date(2023, 6, 5)]
RAW_DAYS = ("--resolution", "1d", "--adjustment", "raw")
LATE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def command(database_url, monkeypatch, capsys):
    speak_to(database_url, monkeypatch)
    return capsys


def a_csv(folder: Path, header: str, *rows: str, name: str = "given.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def a_parquet(folder: Path, columns: dict, name: str = "given.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def days_of(**columns) -> dict:
    prices = {"open": 177.0, "high": 180.0, "low": 176.5, "close": 179.25}
    return {
        "symbol": pa.array(["AAPL"] * 3),
        "ts": pa.array(DAYS, pa.date32()),
        **{name: pa.array([price] * 3) for name, price in prices.items()},
        "volume": pa.array([10, 20, 30]),
    } | columns


BARS_HEADER = "symbol,ts,open,high,low,close,volume"
BARS_ROWS = [f"AAPL,{on},177,180,176.5,179.25,{n}0" for n, on in enumerate(DAYS, 1)]


def daily(path: Path, **said) -> BarImport:
    return BarImport(ImportFile(path, **said), "TEST", Resolution.DAY)


# --- one reader, two formats --------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"ts": pa.array([datetime(on.year, on.month, on.day) for on in DAYS], pa.timestamp("ns"))},  # noqa: DTZ001
        {"ts": pa.array([on.isoformat() for on in DAYS])},
        {"close": pa.array([Decimal("179.25")] * 3, pa.decimal128(9, 2)), "volume": pa.array([10.0, 20.0, 30.0])},
        {"symbol": pa.array(["AAPL"] * 3).dictionary_encode()},
    ],
)
def test_bars_of_parquet_are_those_of_csv_whatever_the_type_of_a_column(tmp_path, changed):
    expected = bars_of(daily(a_csv(tmp_path, BARS_HEADER, *BARS_ROWS)))
    assert bars_of(daily(a_parquet(tmp_path, days_of(**changed)))) == expected


def test_instants_of_parquet_keep_their_zone(tmp_path):
    new_york = pa.array([datetime(2023, 6, 1, 13, 30, tzinfo=UTC)], pa.timestamp("ns", "America/New_York"))
    columns = {name: values[:1] for name, values in days_of().items()} | {"ts": new_york}
    (bar,) = bars_of(BarImport(ImportFile(a_parquet(tmp_path, columns)), "TEST", Resolution.HOUR))["AAPL"]
    assert (bar.starts_at, bar.ends_at.hour) == (datetime(2023, 6, 1, 13, 30, tzinfo=UTC), 14)


@pytest.mark.parametrize(
    ("changed", "resolution", "sentence"),
    [
        ({"ts": pa.array([datetime(2023, 6, 1, 13, 30)] * 3)}, "1h", "name no zone"),  # noqa: DTZ001
        ({"close": pa.array(["179.25"] * 3)}, "1d", "close is string, expected a number"),
        ({"symbol": pa.array([1, 2, 3])}, "1d", "symbol is int64, expected text"),
        ({"ts": pa.array([datetime(2023, 6, 1, tzinfo=UTC)] * 3)}, "1d", "is an instant, not a date"),
        ({"close": pa.array([179.25, None, float("nan")])}, "1d", "2 of 3 rows are not usable"),
        ({"symbol": pa.array([None, "AAPL", "AAPL"])}, "1d", "row 1: names no symbol"),
    ],
)
def test_a_parquet_column_of_another_type_is_refused_with_a_sentence(tmp_path, changed, resolution, sentence):
    path = a_parquet(tmp_path, days_of(**changed))
    with pytest.raises(DataRejected, match=sentence):
        bars_of(BarImport(ImportFile(path), "TEST", Resolution(resolution)))


def test_a_parquet_file_that_was_cut_off_is_refused(tmp_path):
    path = a_parquet(tmp_path, days_of())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataRejected, match="cannot be read"):
        bars_of(daily(path))


def test_stories_of_parquet_are_those_of_csv(tmp_path):
    header, row = "ts,headline,source,symbols", "2023-06-02T14:00:00Z,Apple wins,cnbc,AAPL|MSFT"
    columns = {
        "ts": pa.array([datetime(2023, 6, 2, 14, tzinfo=UTC)]),
        "headline": pa.array(["Apple wins"]),
        "source": pa.array(["cnbc"]),
        "symbols": pa.array([["AAPL", "MSFT"]]),
    }
    assert news_of(ImportFile(a_parquet(tmp_path, columns))) == news_of(ImportFile(a_csv(tmp_path, header, row)))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("AAPL,2023-06-02,177,180,176,180", "line 3: has 6 fields, the header 7"),
        ("AAPL,2023-06-02,177,180,176,180,1,extra", "line 3: has 8 fields, the header 7"),
        (",2023-06-02,177,180,176,180,1", "line 3: names no symbol"),
        ("A APL,2023-06-02,177,180,176,180,1", "is no ticker"),
        ("AAPL,2023-06-02,1_77,180,176,180,1", "'1_77' is not a number"),
        ("AAPL,20230602,177,180,176,180,1", "is not a date YYYY-MM-DD"),
        ("AAPL,2031-06-02,177,180,176,180,1", "it has not ended yet"),
    ],
)
def test_a_csv_row_that_is_not_what_the_header_says_is_refused_and_named(tmp_path, row, reason):
    with pytest.raises(DataRejected) as refusal:
        bars_of(daily(a_csv(tmp_path, BARS_HEADER, BARS_ROWS[0], row)))
    assert reason in str(refusal.value)


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataRejected, match="two columns close"):
        bars_of(daily(a_csv(tmp_path, BARS_HEADER + ",close", *(row + ",1" for row in BARS_ROWS))))


def test_a_quote_that_never_ends_is_refused_and_swallows_nothing(tmp_path):
    with pytest.raises(DataRejected, match="cannot be read"):
        bars_of(daily(a_csv(tmp_path, BARS_HEADER, *BARS_ROWS, 'AAPL,"2023-06-06,1,1,1,1,1')))


# --- mappings -----------------------------------------------------------------------------------

THEIR_HEADER, THEIR_ROWS = "Ticker,Date,O,H,L,C,V,venue", [f"{row},a" for row in BARS_ROWS]
THEIR_NAMES = {"symbol": "Ticker", "ts": "Date", "open": "O", "high": "H", "low": "L", "close": "C", "volume": "V"}


def test_columns_of_other_names_are_mapped_on_the_command_line(tmp_path, command):
    pairs = [part for ours, theirs in THEIR_NAMES.items() for part in ("--map", f"{ours}={theirs}")]
    path = a_csv(tmp_path, THEIR_HEADER, *THEIR_ROWS)
    assert imported(command, "bars", path, *RAW_DAYS, *pairs)["stored"] == 3


@pytest.mark.parametrize("form", ["toml", "json"])
def test_a_mapping_file_says_all_of_it_once(tmp_path, command, store, form):
    said = {"source": "vendor X", "resolution": "1d", "adjustment": "split", "splits": "s.csv"} | {
        "basis_on": "2023-12-29",
        "symbols": ["MSFT"],
        "columns": {ours: theirs for ours, theirs in THEIR_NAMES.items() if ours != "volume"},
        "constants": {"volume": 0},
        "filters": {"venue": "a"},
    }
    a_csv(tmp_path, "symbol,ex_date,ratio", "MSFT,2023-06-05,2", name="s.csv")
    rows = [row.replace("AAPL", "MSFT") for row in THEIR_ROWS] + [THEIR_ROWS[0], THEIR_ROWS[0][:-1] + "b"]
    path, mapping = a_csv(tmp_path, THEIR_HEADER, *rows), tmp_path / f"mapping.{form}"
    tables = [f"[{n}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in said[n].items()) for n in list(said)[-3:]]
    plain = "".join(f"{k} = {json.dumps(v)}\n" for k, v in said.items() if not isinstance(v, dict))
    mapping.write_text(json.dumps(said) if form == "json" else plain + "".join(tables))
    counts = imported(command, "bars", path, "--mapping", mapping)
    assert (counts["rows"], counts["stored"], counts["left out as you asked"]) == (5, 3, 2)
    with store.transaction() as tx:
        (series,) = tx.market.bars(["MSFT"], [Resolution.DAY], as_of=LATE, cutoff_at=LATE).values()
        assert tx.market.has_source("vendor X")
    assert series.close.tolist() == [358.5, 358.5, 179.25]
    assert series.volume.tolist() == [0.0, 0.0, 0.0]


def test_the_command_line_wins_over_the_mapping(tmp_path, command, store):
    mapping = tmp_path / "m.toml"
    mapping.write_text('source = "x"\nresolution = "1h"\nadjustment = "raw"\n')
    path = a_csv(tmp_path, BARS_HEADER, *BARS_ROWS)
    imported(command, "bars", path, "--mapping", mapping, "--resolution", "1d", "--source", "y")
    with store.transaction() as tx:
        assert (tx.market.has_source("x"), tx.market.has_source("y")) == (False, True)


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("bars", 'resolutoin = "1d"', "resolutoin is unknown"),
        ("bars", "[columns\n", "cannot be read"),
        ("bars", 'resolution = "2d"', "'2d' is not a valid Resolution"),
        ("bars", 'basis_on = "12/29/2023"', "is not a date"),
        ("news", 'resolution = "1d"', "resolution means nothing for this kind of file"),
        ("bars", '[columns]\nclosing = "C"', "has no column closing"),
        ("bars", '[columns]\nclose = "Last"', "lacks the column Last"),
        ("bars", 'columns = "C"', "columns holds names and texts"),
        ("bars", "total_return_as_price = 1", "is true or false"),
    ],
)
def test_a_mapping_that_says_nonsense_is_refused_with_a_sentence(tmp_path, command, kind, text, sentence):
    mapping = tmp_path / "m.toml"
    settings = "" if "resolution" in text or kind == "news" else 'resolution = "1d"\nadjustment = "raw"\n'
    mapping.write_text(settings + text)
    path = a_csv(tmp_path, BARS_HEADER, *BARS_ROWS)
    assert sentence in refused(command, kind, path, "--mapping", mapping)


def test_bars_without_resolution_or_adjustment_are_refused_with_what_to_give(tmp_path, command):
    assert "--resolution (1d, 1h or 30m)" in refused(command, "bars", a_csv(tmp_path, BARS_HEADER, *BARS_ROWS))


# --- every row is accounted for -----------------------------------------------------------------


def test_every_row_of_a_file_of_bars_is_counted_once(tmp_path, command):
    hours = [f"AAPL,2023-11-24T{at}:30:00Z,177,180,176,180,1,a" for at in (14, 15, 15, 17, 18, 21)]
    rows = [*hours, hours[0][:-1] + "b", "MSFT" + hours[0][4:], "AAPL,2023-11-22T14:30:00Z,177,180,176,180,1,a"]
    path = a_csv(tmp_path, BARS_HEADER + ",venue", *rows)
    said = ("bars", path, "--resolution", "1h", "--adjustment", "raw", "--filter", "venue=a", "--symbols", "aapl")
    first = imported(command, *said, "--since", "2023-11-23")
    assert first == {
        "rows": 9, "stored": 3, "already there": 0, "revised": 0, "repeated": 1, "outside the sessions": 2,
        "left out as you asked": 3,
    }  # fmt: skip
    again = imported(command, *said, "--since", "2023-11-23")
    assert (again["stored"], again["already there"]) == (0, 3)
    path.write_text(path.read_text().replace("177,180,176,180", "177,180,176,179"))
    assert imported(command, *said, "--since", "2023-11-23")["revised"] == 3


def test_rows_that_a_person_has_seen_are_left_out_by_their_numbers(tmp_path, command):
    rows = [BARS_ROWS[0], BARS_ROWS[1].replace("180", "1"), BARS_ROWS[2]]
    csv = a_csv(tmp_path, BARS_HEADER, *rows)
    said = refused(command, "bars", csv, *RAW_DAYS)
    assert "line 3: AAPL 2023-06-02 13:30Z crossed" in said
    assert "--without 3" in said
    assert imported(command, "bars", csv, *RAW_DAYS, "--without", "3")["left out as you asked"] == 1
    assert "holds no line numbers" in refused(command, "bars", csv, *RAW_DAYS, "--without", "x")


def test_every_row_of_headlines_is_counted_once(tmp_path, command):
    rows = [
        "2023-06-02,Apple wins,cnbc,AAPL", "2023-06-02,Apple wins,cnbc,AAPL", "2023-06-02,Nobody wins,cnbc,",
        "2023-06-02,,cnbc,AAPL", "2023-06-01,Old,cnbc,AAPL",
    ]  # fmt: skip
    counts = imported(command, "news", a_csv(tmp_path, "ts,headline,source,symbols", *rows), "--since", "2023-06-02")
    assert counts == {
        "rows": 5, "stored": 1, "already there": 0, "revised": 0, "repeated": 1, "without a symbol": 1,
        "without a headline": 1, "left out as you asked": 1,
    }  # fmt: skip


def test_a_row_that_nobody_counted_is_an_error_of_ours():
    with pytest.raises(InvariantBroken, match="5 rows were read"):
        Tally(read=5, left_out=1).settled(IngestCounts(received=3, stored=3))


def test_a_file_whose_rows_do_not_add_up_leaves_nothing_stored(tmp_path, store):
    tally = Tally(left_out=1)
    with pytest.raises(InvariantBroken, match="it is a bug"):
        import_bars(
            store,
            deliveries_of(daily(a_csv(tmp_path, BARS_HEADER, *BARS_ROWS)), tally),
            an_origin(source="TEST"),
            settle=tally.settled,
        )
    with store.transaction() as tx:
        assert tx.market.last_bar_starts_at(Resolution.DAY) == {}


def test_a_refusal_in_the_middle_of_a_file_leaves_nothing_stored(tmp_path, store):
    good = list(bars_of(daily(a_csv(tmp_path, BARS_HEADER, *BARS_ROWS))).values())

    def deliveries():
        yield good[0]
        raise DataRejected("row 900,000 is not usable; correct it")

    with pytest.raises(DataRejected, match="900,000"):
        import_bars(store, deliveries(), an_origin(source="TEST"))
    with store.transaction() as tx:
        assert tx.market.last_bar_starts_at(Resolution.DAY) == {}


def test_bad_rows_of_every_symbol_are_named_in_the_order_of_the_file(tmp_path, command, store):
    rows = [*BARS_ROWS, "MSFT,2023-06-03,1,1,1,1,1", "AAPL,2023-06-06,180,1,1,1,1", "MSFT,2023-06-04,1,1,1,1,1"]
    said = refused(command, "bars", a_csv(tmp_path, BARS_HEADER, *rows), *RAW_DAYS)
    assert "3 of 6 rows are not usable, nothing was stored" in said
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:4]] == ["line 5", "line 6", "line 7"]
    with store.transaction() as tx:
        assert tx.market.last_bar_starts_at(Resolution.DAY) == {}


def test_symbols_in_any_order_come_out_sorted_from_memory_and_from_disk():
    rows = [(f"S{n % 7}", (n, n * 10, 1.0, 2.0, 0.5, 1.5, float(n))) for n in range(100)]
    with Spill() as whole, Spill(rows_in_memory=9) as small:
        for symbol, row in rows:
            whole.add(symbol, row)
            small.add(symbol, row)
        assert list(small) == list(whole) == [f"S{n}" for n in range(7)]
        for symbol in whole:
            assert small.of(symbol).tolist() == whole.of(symbol).tolist() == [r for s, r in rows if s == symbol]


def test_what_is_stored_already_and_said_otherwise_is_refused_not_dropped(tmp_path, command):
    header = "symbol,ex_date,ratio"
    assert imported(command, "splits", a_csv(tmp_path, header, "NVDA,2024-06-10,10"))["stored"] == 1
    assert imported(command, "splits", a_csv(tmp_path, header, "NVDA,2024-06-10,10"))["already there"] == 1
    said = refused(command, "splits", a_csv(tmp_path, header, "NVDA,2024-06-10,4"))
    assert "split of NVDA on 2024-06-10: stored is 10.0, the file says 4.0" in said
    assert "listed twice" in refused(
        command, "splits", a_csv(tmp_path, header, "NVDA,2024-06-10,10", "NVDA,2024-06-10,4")
    )


def test_a_split_that_prices_did_not_bear_out_is_confirmed_by_a_file_and_contradicted_by_none(tmp_path, command, store):
    header, ex_on, row = "symbol,ex_date,ratio", date(2024, 6, 10), "NVDA,2024-06-10,10"
    assert imported(command, "splits", a_csv(tmp_path, header, row))["stored"] == 1
    with store.transaction() as tx:
        (split,) = tx.market.actions(cutoff_at=datetime(2026, 1, 1, tzinfo=UTC))
        at = datetime(2024, 6, 10, 15, tzinfo=UTC)
        tx.market.judge_action(split, ActionState.SUSPECT, known_at=at, detail="no jump")
    said = refused(command, "splits", a_csv(tmp_path, header, "NVDA,2024-06-10,4"))
    assert f"split of NVDA on {ex_on}: stored is 10.0, the file says 4.0" in said
    assert imported(command, "splits", a_csv(tmp_path, header, row))["revised"] == 1
    assert imported(command, "splits", a_csv(tmp_path, header, row))["already there"] == 1
    with store.transaction() as tx:
        always = datetime(9999, 1, 1, tzinfo=UTC)
        assert tx.market.actions(cutoff_at=always) == (split,)
        assert tx.market.suspect_actions(cutoff_at=always) == ()


def test_bars_of_a_file_come_in_deliveries_of_whole_symbols(tmp_path, monkeypatch):
    monkeypatch.setattr("trading.adapters.imports.bars.BARS_AT_ONCE", 5)
    rows = [row.replace("AAPL", symbol) for symbol in ("AAPL", "AMD", "MSFT") for row in BARS_ROWS]
    delivered = [[bar.symbol for bar in part] for part in deliveries_of(daily(a_csv(tmp_path, BARS_HEADER, *rows)))]
    assert delivered == [["AAPL"] * 3 + ["AMD"] * 3, ["MSFT"] * 3]
