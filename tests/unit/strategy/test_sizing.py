from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from trading.domain.instruments import Instrument, InstrumentKind, Sector, Universe
from trading.domain.money import whole_shares
from trading.strategy.sizing import allocate
from trading.strategy.spec import Sizing
from trading.strategy.three_sector import UNIVERSE

from tests.oracles import oracle

SIZING = Sizing()
NOISE = 1e-12
"""A busy machine is no reason to fail."""
volatilities = st.floats(0.01, 3.0) | st.sampled_from([0.2, 0.3]) | st.just(float("nan"))


@st.composite
def books(draw, *, most=40):
    """A universe of three sectors in any proportion, with what qualifies, what is held and how volatile each is."""
    sectors = draw(st.lists(st.sampled_from(Sector), min_size=1, max_size=most))
    count = len(sectors)
    universe = universe_of([f"S{n:02d}" for n in range(count)], sectors)
    qualifies = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    held = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count))) & qualifies
    volatility = np.array(draw(st.lists(volatilities, min_size=count, max_size=count)))
    return universe, qualifies, volatility, held


def universe_of(symbols, sectors):
    return Universe(
        tuple(Instrument(s, sector, InstrumentKind.STOCK, s) for s, sector in zip(symbols, sectors, strict=True))
    )


def by_sector(universe, weights):
    return {sector: float(weights[[s is sector for s in universe.sectors]].sum()) for sector in Sector}


def test_weights_and_whole_shares_are_those_of_the_oracle():
    for case in oracle("allocation_cases.json")["cases"]:
        qualifies = np.array([s in case["eligible"] for s in UNIVERSE.traded])
        weights = allocate(SIZING, UNIVERSE, qualifies, np.full(len(qualifies), np.nan))
        chosen = {s: w for s, w in zip(UNIVERSE.traded, weights, strict=True) if w > 0}
        assert chosen == pytest.approx(case["expected_weights"]), case["id"]
        shares = {s: whole_shares(w * case["nav"], case["prices"][s]) for s, w in chosen.items()}
        assert shares == case["expected_shares"], case["id"]


@given(book=books())
def test_weights_stay_in_their_caps_and_the_rest_stays_cash(book):
    universe, qualifies, volatility, held = book
    weights = allocate(SIZING, universe, qualifies, volatility, held=held)
    assert (weights >= 0).all()
    assert (weights[~qualifies] == 0).all()
    assert (weights[weights > 0] >= SIZING.asset_floor_frac - NOISE).all()
    assert weights.max(initial=0) <= SIZING.asset_cap_frac + NOISE
    assert weights.sum() <= 1 - SIZING.cash_buffer_frac + NOISE
    assert max(by_sector(universe, weights).values()) <= SIZING.sector_cap_frac + NOISE


@given(book=books())
def test_what_qualifies_is_bought_however_many_there_are(book):
    universe, qualifies, volatility, held = book
    weights = allocate(SIZING, universe, qualifies, volatility, held=held)
    for sector, worth in by_sector(universe, weights).items():
        names = sum(1 for s, q in zip(universe.sectors, qualifies, strict=True) if s is sector and q)
        # Even scaled by the two other sectors, a sector with so many names is worth this.
        assert worth >= min(names, 4) * SIZING.asset_floor_frac - NOISE


def test_a_wide_universe_fills_the_book_with_the_calmest_names():
    count = 500
    sectors = [list(Sector)[n % 3] for n in range(count)]
    volatility = np.linspace(0.1, 0.9, count)
    universe = universe_of([f"S{n:03d}" for n in range(count)], sectors)
    weights = allocate(SIZING, universe, np.ones(count, bool), volatility)
    assert weights.sum() == pytest.approx(0.98)
    assert np.flatnonzero(weights).tolist() == list(range(18))


@given(book=books())
def test_a_newcomer_pushes_out_nothing_that_is_held(book):
    universe, qualifies, volatility, held = book
    alone = allocate(SIZING, universe, held, volatility, held=held)
    together = allocate(SIZING, universe, qualifies, volatility, held=held)
    assert (together[alone > 0] > 0).all()


@given(book=books())
def test_a_more_volatile_name_is_never_larger_in_its_sector(book):
    universe, qualifies, volatility, _ = book
    weights = allocate(SIZING, universe, qualifies, volatility)
    for a, b in np.argwhere(volatility[:, None] > volatility[None, :]):
        if universe.sectors[a] is universe.sectors[b] and qualifies[a] and qualifies[b]:
            assert weights[a] <= weights[b] + NOISE


@given(book=books(most=15), data=st.data())
def test_what_a_name_leaves_behind_stays_cash(book, data):
    """Where nothing was dropped, a name that stops qualifying makes the book smaller, never larger.

    A crowded book has dropped names before, and takes one of them in when another leaves.
    """
    universe, qualifies, volatility, held = book
    with_all = allocate(SIZING, universe, qualifies, volatility, held=held)
    assume((with_all[qualifies] > 0).all())
    fewer = qualifies.copy()
    fewer[data.draw(st.integers(0, len(fewer) - 1))] = False
    without = allocate(SIZING, universe, fewer, volatility, held=held & fewer)
    assert without.sum() <= with_all.sum() + NOISE


@given(book=books(), scale=st.floats(0.1, 10))
def test_only_relative_volatility_counts(book, scale):
    universe, qualifies, _, held = book
    volatility = np.linspace(0.1, 0.9, len(qualifies))
    one = allocate(SIZING, universe, qualifies, volatility, held=held)
    assert allocate(SIZING, universe, qualifies, volatility * scale, held=held) == pytest.approx(one)


@given(book=books(), data=st.data())
def test_the_order_of_the_universe_changes_no_weight(book, data):
    universe, qualifies, volatility, held = book
    order = data.draw(st.permutations(range(len(qualifies))))
    shuffled = Universe(tuple(universe.instruments[n] for n in order))
    weights = allocate(SIZING, universe, qualifies, volatility, held=held)
    again = allocate(SIZING, shuffled, qualifies[order], volatility[order], held=held[order])
    assert (again == weights[order]).all()


@given(book=books(), others=st.lists(st.tuples(st.sampled_from(Sector), volatilities), max_size=10))
def test_names_that_do_not_qualify_change_no_weight(book, others):
    universe, qualifies, volatility, held = book
    added = universe_of([f"X{n}" for n in range(len(others))], [sector for sector, _ in others])
    wider = Universe((*added.instruments, *universe.instruments))
    none = np.zeros(len(others), bool)
    weights = allocate(SIZING, universe, qualifies, volatility, held=held)
    again = allocate(
        SIZING, wider, np.concatenate([none, qualifies]),
        np.concatenate([[v for _, v in others], volatility]), held=np.concatenate([none, held]),
    )  # fmt: skip
    assert (again == np.concatenate([np.zeros(len(others)), weights])).all()
