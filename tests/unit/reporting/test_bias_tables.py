"""What the bias tools say in a sentence."""

from __future__ import annotations

from dataclasses import replace

from trading.engine.lookahead import Lookahead
from trading.engine.warmup import WarmUp
from trading.reporting.bias_tables import lookahead_sentences, warmup_sentences

FOUND = Lookahead(leaks=(), rules=(), instants=(), decisions=7, columns=42, orders=3, fills=2)
WARM = WarmUp(indicators=(), changed={250: {}}, needs=250, compared=10, as_loaded={}, bars_loaded=615)


def test_a_range_without_an_order_says_that_the_book_was_not_tested():
    assert not any("nothing was ordered" in said for said in lookahead_sentences(FOUND))
    idle = list(lookahead_sentences(replace(FOUND, orders=0, fills=0)))
    assert any(said.startswith("nothing was ordered") and "choose a range that trades" in said for said in idle)


def test_what_a_live_hour_lacks_is_told_in_words():
    differing = replace(WARM, as_loaded={"rsi_14": 0.02, "sma_200": float("inf")})
    *_, last = warmup_sentences(differing, minimum=250)
    assert last.endswith("DIFFERS from full history: rsi_14 by 0.02, sma_200 known to one of them only")
