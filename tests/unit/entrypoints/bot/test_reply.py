"""What the bot says fits on a phone and into a message, and says what it left out."""

import re

import pytest
from trading.entrypoints.bot.reply import MOST_MESSAGES, TEXT_LIMIT, WIDTH, Reply, messages, say, table

from tests.telegram_wire import Words


@pytest.mark.parametrize(
    "name", ["", "NVDA", "a name that is longer than any phone is wide, and then some", "<b>&", "漢" * 50]
)
def test_a_table_is_never_wider_than_a_phone(name):
    shown = Words.of(table([(name, "1,000,000,000", "-2.5 %"), ("x", "1", "+1")])).split("\n")
    assert max(map(len, shown)) <= WIDTH
    assert len(shown) == 2


def test_words_stand_left_and_numbers_right():
    shown = Words.of(table([("NVDA", "9"), ("a long name that nobody reads to its end", "1,000")], ("", "USD")))
    first, second, third = shown.split("\n")
    assert (first.strip(), second.split()) == ("USD", ["NVDA", "9"])
    assert re.fullmatch(r"a long name that nobody reads t… 1,000", third)
    assert len({len(first), len(second), len(third)}) == 1


@pytest.mark.parametrize("texts", [[], ["a"], ["<&\n" * 700] * 3, ["word " * 900] * 8, ["x" * 9000], ["\n" * 5000]])
def test_every_message_is_html_that_telegram_takes_and_not_too_long(texts):
    reply = Reply((*map(say, texts), table([("<b>&", "1")])), more="./airdesk orders")
    pages = messages("<b>PAPER</b> paper:x", reply)
    assert 1 <= len(pages) <= MOST_MESSAGES
    for page in pages:
        assert Words.problem_of(page) == ""
        assert len(page) <= TEXT_LIMIT + 96


def test_what_is_left_out_is_counted_and_where_it_is_is_said():
    rows = [(f"row {number}", str(number)) for number in range(2000)]
    pages = messages("head", Reply((table(rows),), more="./airdesk orders"))
    shown = sum(len(re.findall(r"^row ", Words.of(page).replace("head\n", ""), re.M)) for page in pages)
    left = int(re.search(r"… (\d+) more lines, ./airdesk orders shows all", pages[-1])[1])
    assert shown + left == 2000


def test_a_secret_looking_text_is_shown_as_text():
    assert messages("t", Reply.of("1 < 2 & <script>")) == ("t\n1 &lt; 2 &amp; &lt;script&gt;",)
