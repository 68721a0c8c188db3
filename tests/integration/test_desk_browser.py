"""The Desk page in a real browser: matrix, slider, keyboard, colours, a phone, and a look each minute."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect

from tests.desk_browser import chromium, complaints
from tests.desk_served import served
from tests.desk_year import BOOK, seed_prices, seed_year

NEW_YORK = ZoneInfo("America/New_York")
CALENDAR = NyseCalendar()
UNTIL = datetime(2024, 11, 26, 19, 31, tzinfo=UTC)
NOW = UNTIL + timedelta(minutes=4)
NEXT = datetime(2024, 11, 26, 20, 30, tzinfo=UTC)
"""An hour that is decided while somebody looks."""


@pytest.fixture(scope="module")
def world(pg_server, tmp_path_factory):
    """A browser, the page's address, its hours, and the database behind it."""
    with chromium() as browser:
        url = pg_server.url_for("desk_browser")
        migrate(url)
        slots = seed_year(url, CALENDAR, until=UNTIL, days=15)
        seed_prices(PostgresStore(url), CALENDAR, until=UNTIL, days=15)
        with served(url, tmp_path_factory.mktemp("state"), now=NOW) as address:
            yield browser, address, slots, url


@pytest.fixture
def opened(world):
    """Open the page as a browser of some size and colours shows it; nothing may be complained about."""
    browser, address, *_ = world
    contexts, told = [], []

    def look(query: str = "", *, width: int = 1180, height: int = 800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        told.append(complaints(page))
        page.clock.install(time=NOW)
        page.goto(address + query)
        page.locator("#slider:not([disabled])").wait_for()
        return page

    yield look
    for context in contexts:
        context.close()
    assert [line for lines in told for line in lines] == []


def words_of(slot) -> str:
    return f"{slot.as_of.astimezone(NEW_YORK):%a %-d %b %Y, %H:%M}"


def cell(page, symbol: str, rule: str):
    return page.locator(f".matrix .cell[data-told^='{symbol} · {rule}:']")


def test_slider_buttons_and_keys_walk_through_the_hours(opened, world):
    slots = world[2]
    page = opened()
    label = page.locator("#hour-label")
    assert label.inner_text() == words_of(slots[-1])
    page.locator("[data-step='back']").click()
    page.get_by_text(f"decision {slots[-2].as_of.astimezone(NEW_YORK):%H:%M}").wait_for()
    assert label.inner_text() == words_of(slots[-2])
    page.locator("h1, h2").first.click()
    page.keyboard.press("ArrowLeft")
    assert label.inner_text() == words_of(slots[-3])
    page.locator("[data-step='session-back']").click()
    assert label.inner_text() == words_of([s for s in slots if s.session_on < slots[-3].session_on][-1])
    slider = page.locator("#slider")
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text(f"decision {slots[0].as_of.astimezone(NEW_YORK):%H:%M}").wait_for()
    assert slider.get_attribute("aria-valuetext") == words_of(slots[0])
    assert f"at={int(slots[0].as_of.timestamp())}" in page.url
    page.reload()
    page.locator("#slider:not([disabled])").wait_for()
    assert label.inner_text() == words_of(slots[0])
    page.locator("[data-step='newest']").click()
    assert label.inner_text() == words_of(slots[-1])
    assert "at=" not in page.url


def test_a_cell_tells_value_threshold_and_what_turns_it_by_pointer_tap_and_keyboard(opened):
    page = opened(has_touch=True)
    readout = page.locator("#readout")
    golden = cell(page, "AAPL", "golden_cross")
    assert golden.inner_text() == "✓"
    golden.hover()
    assert readout.inner_text() == "AAPL · golden_cross: PASS; seen 108, threshold 100; Tue 26 Nov 14:30; 8 to spare"
    cell(page, "TSLA", "vix_above").tap()
    assert readout.inner_text().startswith("TSLA · vix_above: FAIL; seen ")
    page.keyboard.press("ArrowLeft")
    assert readout.inner_text().startswith("MSFT · vix_above:")
    page.keyboard.press("ArrowUp")
    assert readout.inner_text().startswith("MSFT · price_not_fresh:")
    assert page.locator(".matrix .cell[tabindex='0']").count() == 1
    told = golden.get_attribute("aria-label")
    assert told == golden.get_attribute("data-told")


@pytest.mark.parametrize("width", [360, 1180])
def test_nothing_is_wider_than_the_screen(opened, width):
    page = opened(width=width, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = page.locator(".glance .tile").first.bounding_box()
    assert box["y"] + box["height"] < 740, "the state stands on the first screen"
    assert page.locator("[data-switch='halt']").bounding_box()["y"] < 740


def test_colours_follow_the_browser_and_a_choice_made_in_airflow(opened):
    def background(page) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = opened(color_scheme="light"), opened(color_scheme="dark")
    assert background(light) == "rgb(246, 247, 248)"
    assert background(dark) == "rgb(17, 22, 27)"
    light.evaluate("localStorage.setItem('theme', 'dark')")
    light.reload()
    assert background(light) == background(dark)


def test_the_cross_hair_tells_the_values_of_a_day(opened):
    page = opened()
    page.locator(".plot").first.hover(position={"x": 2, "y": 40})
    words = page.locator("#cross").inner_text()
    assert words.startswith("Mon 11 Nov 2024: demo:year ")
    assert "SPY, held" in words


def test_a_look_each_minute_brings_the_new_hour_and_leaves_a_chosen_one(opened, world):
    *_, slots, url = world
    following, chosen = opened(), opened()
    chosen.locator("[data-step='session-back']").click()
    stays = chosen.locator("#hour-label").inner_text()
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        columns = "book, kind, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version, decision_hash"
        cursor.execute(
            f"INSERT INTO desk.decisions (decision_id, as_of, note, {columns}) SELECT 'made.now', %s, 'made now', "
            f"{columns} FROM desk.decisions WHERE book = %s ORDER BY as_of DESC LIMIT 1",
            (NEXT, str(BOOK)),
        )
    for page in (following, chosen):
        page.clock.run_for(61_000)
    following.get_by_text("made now").wait_for()
    assert following.locator("#hour-label").inner_text() == "Tue 26 Nov 2024, 15:30"
    chosen.locator("#last-label", has_text="Tue 26 Nov 2024, 15:30").wait_for()
    assert chosen.locator("#hour-label").inner_text() == stays
    assert slots[-1].as_of < NEXT
