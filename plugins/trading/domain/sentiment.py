"""How headlines are read: who scores a text, what the scores of a symbol add up to, and what each story gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trading.domain.instruments import Symbol
from trading.domain.lexicon import LEXICON


@dataclass(frozen=True)
class TextModel:
    """What a trained scorer of texts learned, as plain numbers; two of them are one where their file is.

    Attributes:
        sha256: of its file. lexicon: version of the finance lexicon whose features it was trained with.
        terms: for each word and pair of words its rarity, and its weight for negative, neutral and positive.
        features: weights of each lexicon feature for the three. intercepts: what each of the three starts from.
    """

    sha256: str
    lexicon: str = field(compare=False, repr=False)
    terms: Mapping[str, tuple[float, float, float, float]] = field(compare=False, repr=False)
    features: tuple[tuple[float, float, float], ...] = field(compare=False, repr=False)
    intercepts: tuple[float, float, float] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sentiment:
    """How a strategy reads headlines; part of its hash.

    Attributes:
        mode: what a symbol's score is. "evidence": what its stories add up to [−1–1]; "percentile": the rank of that
            among its own of the trailing 180 days [0–1]; "mean": the mean of its stories' scores [−1–1].
        scorer: who scores a text: "lexicon" is VADER with the finance lexicon, "vader" is VADER as it comes.
        half_life_hours: age at which a story counts half.
        lexicon: version and hash of the finance lexicon; it is what a decision says scored it.
        model: a trained scorer, which then scores texts in the place of `scorer`.
    """

    mode: Literal["evidence", "percentile", "mean"] = "evidence"
    scorer: Literal["lexicon", "vader"] = "lexicon"
    half_life_hours: float = 24.0
    lexicon: str = LEXICON
    model: TextModel | None = None

    @property
    def scored_by(self) -> str:
        """Who scores a text, with its version, e.g. "lexicon 2026.11+3f2a91c07be4"."""
        if self.model is not None:
            return f"model {self.model.sha256[:12]}"
        return f"lexicon {self.lexicon}" if self.scorer == "lexicon" else self.scorer


@dataclass(frozen=True, slots=True)
class StoryScore:
    """What one story gave to a symbol's score.

    Attributes:
        item_id, source: of the story. known_at: when it first counted.
        compound: the text's score [−1–1]. weight: what was left of it at the decision [0–1].
        scored_by: who scored the text, with its version.
    """

    symbol: Symbol
    item_id: str
    source: str
    known_at: datetime
    title: str
    compound: float
    weight: float
    scored_by: str
