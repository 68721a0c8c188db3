"""A trained scorer of texts: terms and lexicon features times weights that were learned, in plain numbers.

No library that trains is needed to score, and nothing is unpickled: a model is a table of numbers behind its hash.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from trading.analysis.movements import MARK, marked
from trading.domain.sentiment import TextModel

FEATURES = ("compound", "strength", "good", "bad", "is_good", "is_bad", "ups", "downs", "is_post", "length")
"""What a text has besides its terms; `lexicon_features` says each."""
_MARKED = re.compile(rf"{MARK}([+-]\d+)")
_TERM = re.compile(r"[a-z0-9&'-]+")
_ADDRESS, _CASHTAG, _NUMBER = re.compile(r"https?://\S+"), re.compile(r"\$[a-z]+"), re.compile(r"\d[\d.,]*")


def terms_of(text: str) -> list[str]:
    """Return the words of a text and their pairs; what moved up, what moved down, and any number are one word each."""
    plain = _MARKED.sub(lambda found: _moved(int(found[1])), marked(text)).lower()
    for pattern, word in ((_ADDRESS, " "), (_CASHTAG, " cashtag "), (_NUMBER, " 0 ")):
        plain = pattern.sub(word, plain)
    words = _TERM.findall(plain)
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _moved(tenths: int) -> str:
    return " movedup " if tenths > 0 else " moveddown " if tenths < 0 else " "


def lexicon_features(text: str, compound_score: float, *, label_at: float) -> tuple[float, ...]:
    """Return the values of FEATURES: the lexicon's score and its parts, the sums of marks, and the kind of text."""
    marks = [int(found) / 10 for found in _MARKED.findall(marked(text))]
    return (
        compound_score,
        abs(compound_score),
        math.sqrt(max(compound_score, 0.0)),
        math.sqrt(max(-compound_score, 0.0)),
        float(compound_score >= label_at),
        float(compound_score <= -label_at),
        sum(m for m in marks if m > 0),
        -sum(m for m in marks if m < 0),
        float("$" in text),
        math.log(len(text) + 1) / 5,
    )


def chances(model: TextModel, text: str, features: Sequence[float]) -> tuple[float, float, float]:
    """Return how likely a text is negative, neutral and positive; the three make 1."""
    counts = Counter(term for term in terms_of(text) if term in model.terms)
    parts = {term: (1.0 + math.log(count)) * model.terms[term][0] for term, count in counts.items()}
    length = math.sqrt(sum(part * part for part in parts.values())) or 1.0
    sums = list(model.intercepts)
    for place in range(3):
        sums[place] += sum(part / length * model.terms[term][1 + place] for term, part in parts.items())
        sums[place] += sum(v * weights[place] for v, weights in zip(features, model.features, strict=True))
    highest = max(sums)
    powers = [math.exp(each - highest) for each in sums]
    return powers[0] / sum(powers), powers[1] / sum(powers), powers[2] / sum(powers)
