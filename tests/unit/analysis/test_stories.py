"""What makes two headlines one story, what of a headline is kept, and from when it may be read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.analysis.language import is_english
from trading.analysis.stories import (
    TITLE_CHARACTERS,
    clean_title,
    distinct,
    first_readable_at,
    new_versions,
    ordered,
    repeats,
    story_id,
    title_key,
    web_address,
)

from tests.builders import AS_OF, a_news_item
from tests.oracles import oracle
from tests.unit.analysis.foreign_headlines import ENGLISH, FOREIGN

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def a_story(title="Nvidia wins", *, hours_ago=1.0, source="a", number=0, **overrides):
    at = AS_OF - timedelta(hours=hours_ago)
    values = {"item_id": f"{source}:{number}", "title": title, "source": source, "known_at": at, "published_at": at}
    return a_news_item(**(values | overrides))


@pytest.mark.parametrize(
    "told",
    [
        "Nvidia beats estimates, raises outlook - Reuters",
        "Nvidia beats estimates, raises outlook | Reuters",
        "NVIDIA Beats Estimates, Raises Outlook (Reuters)",
        "Nvidia beats estimates; raises outlook - Reuters - Yahoo Finance",
        "  Nvidia  beats estimates:  raises outlook – Investor's Business Daily",
        "Nvidia beats estimates — raises outlook!",
        "“Nvidia beats estimates, raises outlook”",
    ],
)
def test_who_signs_a_headline_and_how_it_is_set_makes_no_other_story(told):
    assert title_key(told) == "nvidia beats estimates raises outlook"


def test_what_follows_a_dash_is_a_part_of_the_headline_unless_a_publisher_signs_there():
    assert title_key("Apple cut to hold - sell the rest") == "apple cut to hold sell the rest"
    assert title_key("Apple beats (again)") == "apple beats again"
    assert title_key("Reuters") == "reuters"


def test_an_accent_an_apostrophe_and_capitals_make_no_other_story():
    assert title_key("Nestlé’s profit") == title_key("NESTLE'S PROFIT")


@given(st.text(max_size=300))
def test_a_normalised_title_stays_as_it_is(title):
    key = title_key(title)
    assert title_key(key) == key


@given(st.text(max_size=300))
def test_a_cleaned_title_stays_as_it_is_and_shows_all_that_it_holds(title):
    cleaned = clean_title(title)
    assert clean_title(cleaned) == cleaned
    assert cleaned.isprintable()
    assert len(cleaned) <= TITLE_CHARACTERS


stories = st.lists(
    st.builds(
        lambda title, source, hours, number, version: a_story(
            title, hours_ago=hours, source=source, item_id=f"{source}:{number}" + (f"~{version}" if version else "")
        ),
        st.sampled_from(["Nvidia wins", "NVIDIA wins!", "Nvidia wins - Reuters", "Gold falls", "Gold rises"]),
        st.sampled_from("abc"),
        st.integers(0, 70),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=12,
    unique_by=lambda item: item.item_id,
)


@given(stories, st.randoms())
def test_which_stories_count_depends_on_no_order_and_counting_again_changes_nothing(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)
    once = distinct(items)
    assert distinct(shuffled) == once
    assert distinct(once) == once
    assert len({title_key(item.title) for item in once}) == len(once)


def test_a_story_of_several_sources_counts_as_the_first_one_told_it():
    first = a_story(source="b", hours_ago=3.0)
    again = a_story("Nvidia wins - Reuters", source="a", hours_ago=2.0)
    assert distinct([again, first]) == [first]
    assert repeats(ordered([again, first])) == [-1, 0]


def test_a_changed_headline_is_a_version_from_now_on_and_stands_for_the_first():
    first = a_story(hours_ago=30.0)
    changed = a_story("Nvidia wins after all", hours_ago=30.0)
    (version,) = new_versions([changed, first], [first], seen_at=AS_OF)
    assert (version.item_id, version.known_at) == ("a:0~2", AS_OF)
    assert distinct([first, version]) == [version]
    assert new_versions([changed], [first, version], seen_at=AS_OF + HOUR) == []


def test_a_headline_that_only_changed_its_dress_is_no_version():
    first = a_story()
    assert new_versions([a_story("NVIDIA WINS")], [first], seen_at=AS_OF) == []


@pytest.mark.parametrize(
    ("published", "now", "delay", "known"),
    [
        (-20 * MINUTE, MINUTE, 0 * MINUTE, 0 * MINUTE),
        (-20 * MINUTE, HOUR, 0 * MINUTE, HOUR),
        (-3 * DAY, MINUTE, 0 * MINUTE, -3 * DAY + 15 * MINUTE),
        (-25 * HOUR, MINUTE, DAY, 0 * MINUTE),
        (-5 * DAY, MINUTE, DAY, -4 * DAY),
    ],
)
def test_a_fresh_story_counts_when_it_was_seen_and_an_old_one_when_its_source_showed_it(published, now, delay, known):
    ends_at = AS_OF + timedelta(microseconds=1)
    found = first_readable_at(AS_OF + published, now=AS_OF + now, window_ends_at=ends_at, delay=delay)
    assert found == AS_OF + known


def test_headlines_in_english_are_told_from_those_in_other_languages():
    assert [title for title in ENGLISH if not is_english(title)] == []
    assert [title for title in FOREIGN if is_english(title)] == []
    assert not is_english("")
    assert not is_english("123 456 %")


@pytest.mark.parametrize(
    ("hostile", "kept"),
    [
        ("Gold\0 falls", "Gold falls"),
        ("Gold\u202efalls\u200b\ufeff", "Goldfalls"),
        ("Gold\r\n\tfalls\u2028now", "Gold falls now"),
        ("Gold \ud800falls\x1b[31m", "Gold falls[31m"),
        (None, ""),
        (17, ""),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_what_cannot_be_seen_is_taken_out_of_a_headline_and_nothing_else(hostile, kept):
    assert clean_title(hostile) == kept


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "https://x.example/\ud800", "http://x\n.example", "https://" + "a" * 2_000, None, 7]
)
def test_what_is_no_plain_address_is_no_address(text):
    assert web_address(text) is None
    assert web_address("https://news.example/a?b=%20c") == "https://news.example/a?b=%20c"


def test_a_story_without_an_address_is_known_by_its_headline_and_day():
    today, tomorrow = AS_OF.date(), (AS_OF + DAY).date()
    same = {story_id("a", None, title, today) for title in ("Nvidia wins", "NVIDIA WINS \ud800")}
    assert len(same) == 1
    assert same.isdisjoint({story_id("a", None, "Nvidia wins", tomorrow), story_id("b", None, "Nvidia wins", today)})
    assert story_id("a", "https://x", "One", today) == story_id("a", "https://x", "Other", tomorrow)


def test_a_headline_of_signatures_is_read_in_a_moment():
    assert title_key("Gold falls" + " - Reuters" * 300).startswith("gold falls reuters")
    assert title_key("a " * 900 + "- " * 100) == ("a " * 900).strip()


def test_an_id_that_holds_the_mark_of_versions_is_still_its_own_story():
    one, other = a_story(item_id="a:x~y"), a_story("Gold falls", item_id="a:x~z")
    assert distinct([one, other]) == [one, other]


def test_hostile_headlines_become_bounded_text():
    for case in oracle("hostile_headlines.json")["cases"]:
        made = case.get("make")
        title = clean_title(made["repeat"] * made["times"] if made else case.get("text"))
        assert len(title) <= TITLE_CHARACTERS, case["kind"]
        assert title.isprintable(), case["kind"]
        assert len(title_key(title)) <= TITLE_CHARACTERS, case["kind"]
