"""What moved in a headline, and which way: read before VADER, which knows words and no numbers.

"Operating loss narrowed" is good though both words are bad; "costs rose" is bad though "rose" is good; "to EUR 13.1 mn
from EUR 8.7 mn" is a rise that no word names. Each becomes one mark of a known valence in the text that VADER reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trading.domain.lexicon import MOVES, PHRASES, POSTS, SUBJECTS

MARK = "\ue000"
"""Begins a mark: a private character, which no headline holds once it is cleaned."""
LEFT, RIGHT = 8, 4
"""How many words before and after a move its subject may stand."""
WITH_SUBJECT, WITH_NUMBER, ALONE, PARTICLE = 1.5, 1.1, 0.6, 0.3
"""What a move counts with what moved, with how much, and without both; "up" and "down" alone say least."""
COMPARED, TURNED = 2.6, 3.4
"""Valence of a number that passed the one before it, and of a loss that became a profit."""


class _Token(NamedTuple):
    word: str
    start: int
    end: int


class _Change(NamedTuple):
    """A stretch of the text and the mark that stands in its place."""

    start: int
    end: int
    valence: float


_TOKEN = re.compile(r"[A-Za-z][\w'’&-]*|\d[\d.,]*|[%$;:.()]|--")
_SPLIT_NUMBER = re.compile(r"(?<=\d) \.(?=\d)")
_BREAKS = frozenset({";", ":", ".", "while", "but", "although", "though", "whereas", "--"})
_PARTICLES = frozenset({"up", "down", "higher", "lower"})
_BEFORE_AMOUNTS = frozenset(
    {"from", "by", "to", "at", "sharply", "slightly", "nearly", "almost", "some", "about", "over"}
)
_LOSSES = frozenset({"loss", "losses", "negative"})
_TURNS = frozenset(
    {
        "swing", "swings", "swung", "turn", "turns", "turned", "move", "moves", "moved", "return", "returns",
        "returned", "slip", "slips", "slipped", "fell", "sank",
    }
)  # fmt: skip
_CASHTAG = re.compile(r"\$[A-Za-z]")


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """Return phrases under their first word, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    for phrase, valence in sorted(PHRASES.items(), key=lambda each: -len(each[0])):
        words = tuple(phrase.split())
        found.setdefault(words[0], []).append((words, valence))
    return found


_PHRASES = _by_first_word()


def _mark(tenths: int) -> str:
    return f"{MARK}{tenths:+d}"


MARKS = {_mark(tenths): tenths / 10 for tenths in range(-60, 61)}
"""Every mark with its valence, as VADER's lexicon needs it."""

_UNITS = {
    "mn": 1e6, "mln": 1e6, "million": 1e6, "m": 1e6, "bn": 1e9, "bln": 1e9, "billion": 1e9, "k": 1e3, "thousand": 1e3,
}  # fmt: skip
_PERCENTS = ("%", "pct", "percent", "per cent")
_UNIT = "|".join((*_UNITS, *_PERCENTS, "eur", "euros?", "cents?"))
_CURRENCY = r"(?:eur|usd|sek|gbp|nok|dkk|us\$|\$|€|£|approximately|about|only|some|around|just)?\s?"
_COMPARISON = re.compile(
    rf"(?<![\d.,])(?P<now>\d[\d,]{{0,20}}(?:\.\d{{1,9}})?)\s?(?P<now_unit>{_UNIT})?\b"
    r"[^.;\d]{0,60}?(?:\d{4}[^.;\d]{0,25})?\b(?:compared (?:to|with)|versus|vs|against|from)\b\.?"
    rf"(?P<between>[^.;\d]{{0,60}}?){_CURRENCY}"
    rf"(?P<then>\d[\d,]{{0,20}}(?:\.\d{{1,9}})?)\s?(?P<then_unit>{_UNIT})?\b"
)
_COMPARES = re.compile("compared|versus|vs|against|from", re.IGNORECASE)
_BRACKETS = re.compile(r"\([^()]*\)")
_WORD = re.compile(r"[a-z][a-z-]*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_REACH = 120
"""Characters before a comparison in which its subject is sought."""


def marked(text: str) -> str:
    """Return `text` with a mark in place of each phrase and each move, and of what compares two amounts."""
    text = _SPLIT_NUMBER.sub(".", text)
    tokens = [_Token(m[0].lower(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    changes = list(_changes(tokens, is_post=_CASHTAG.search(text) is not None))
    if any(token.word[0].isdigit() for token in tokens):
        changes = _with_comparison(text, tokens, changes)
    parts, at = list[str](), 0
    for start, end, valence in sorted(changes):
        if start >= at:
            parts += (text[at:start], _mark(round(valence * 10)))
            at = end
    return "".join((*parts, text[at:]))


def _changes(tokens: Sequence[_Token], *, is_post: bool) -> Iterator[_Change]:
    """Yield phrases, turns, moves and, in a post, what traders say, in the order of the text."""
    place = 0
    while place < len(tokens):
        word = tokens[place].word
        length, valence, subject = 1, 0.0, None
        if word in _PHRASES:
            length, valence = _phrase(tokens, place)
        if not valence and length == 1 and word in _TURNS:
            length, valence = _turn(tokens, place)
        if not valence and length == 1 and word in MOVES:
            valence, subject = _move(tokens, place)
        if is_post and not valence and length == 1:
            valence = POSTS.get(word, 0.0)
        if valence or length > 1:
            yield _Change(tokens[place].start, tokens[place + length - 1].end, valence)
        if subject is not None:
            yield _Change(subject.start, subject.end, 0.0)
        place += length


def _phrase(tokens: Sequence[_Token], place: int) -> tuple[int, float]:
    """Return the words and the valence of the phrase at `place`; (1, 0) for none."""
    for words, valence in _PHRASES[tokens[place].word]:
        if tuple(token.word for token in tokens[place : place + len(words)]) == words:
            return len(words), valence
    return 1, 0.0


def _turn(tokens: Sequence[_Token], place: int) -> tuple[int, float]:
    """Return the words and the valence of "swung to a net loss" at `place`; (1, 0) for no turn."""
    words = [token.word for token in tokens[place + 1 : place + 6]]
    if words[:1] in (["to"], ["into"]):
        for ahead, word in enumerate(words):
            if word in _LOSSES or word in ("profit", "profitability"):
                return ahead + 2, -TURNED if word in _LOSSES else TURNED
    return 1, 0.0


def _move(tokens: Sequence[_Token], place: int) -> tuple[float, _Token | None]:
    """Return the valence of the move at `place`, and the bad thing that moved, whose own valence it replaces."""
    word, strength = tokens[place].word, MOVES[tokens[place].word]
    if subject := _subject(tokens, place):
        sign = SUBJECTS[subject.word]
        return strength * sign * WITH_SUBJECT, subject if sign < 0 else None
    later = [token.word for token in tokens[place + 1 : place + 5]]
    has_number = any(each[0].isdigit() for each in later)
    if word in _PARTICLES and not (has_number or (later[:1] and later[0] in _BEFORE_AMOUNTS)):
        return strength * PARTICLE, None
    return strength * (WITH_NUMBER if has_number else ALONE), None


def _subject(tokens: Sequence[_Token], place: int) -> _Token | None:
    """Return what moved: the nearest subject before the move in its clause, or else the nearest after it."""
    for sought in (reversed(tokens[max(0, place - LEFT) : place]), tokens[place + 1 : place + 1 + RIGHT]):
        for token in sought:
            # What stands behind another move was moved by that one.
            if token.word in _BREAKS or token.word in MOVES:
                break
            if token.word in SUBJECTS:
                return token
    return None


def _with_comparison(text: str, tokens: Sequence[_Token], changes: list[_Change]) -> list[_Change]:
    """Return `changes` with what the first comparison of two amounts says, where no move says it."""
    if not _COMPARES.search(text):
        return changes
    plain = _BRACKETS.sub(lambda found: " " * len(found[0]), text.lower())
    for found in _COMPARISON.finditer(plain):
        valence = _compared(plain, found)
        said = any(found.start() - _REACH // 2 <= change.start < found.end() and change.valence for change in changes)
        if not valence or (said and abs(valence) < TURNED):
            continue
        first = max(0, found.start() - _REACH)
        kept = [c for c in changes if not (found.start() <= c.start < found.end())] if said else changes
        hidden = [_Change(t.start, t.end, 0.0) for t in tokens if t.word in _LOSSES and first <= t.start < found.end()]
        return [*kept, *hidden, _Change(found.start("then"), found.end("then"), valence)]
    return changes


def _compared(plain: str, found: re.Match[str]) -> float:
    """Return what "operating profit of EUR 2 mn, compared to EUR 1 mn" says; 0 where it is no comparison."""
    subject = _named_last(plain[max(0, found.start() - _REACH) : found.start()].rsplit(". ", 1)[-1])
    before = _named_last(found["between"]) or subject
    now, then = _amount(found["now"], found["now_unit"]), _amount(found["then"], found["then_unit"])
    same_kind = (found["now_unit"] in _PERCENTS) == (found["then_unit"] in _PERCENTS)
    if subject is None or before is None or now is None or then is None or not same_kind:
        return 0.0
    was_loss, is_loss = before in _LOSSES, subject in _LOSSES
    if was_loss != is_loss:
        return -TURNED if is_loss else TURNED
    change = (now - then) * (-1 if is_loss else SUBJECTS[subject])
    return COMPARED if change > 0 else -COMPARED if change < 0 else 0.0


def _named_last(text: str) -> str | None:
    """Return the last word of `text` that can rise or fall, if there is one."""
    return next((w for w in reversed(_WORD.findall(text)) if w in SUBJECTS or w in _LOSSES), None)


def _amount(written: str, unit: str | None) -> float | None:
    """Return a number in its unit; None for a year."""
    if unit is None and _YEAR.fullmatch(written):
        return None
    return float(written.replace(",", "")) * _UNITS.get(unit or "", 1.0)
