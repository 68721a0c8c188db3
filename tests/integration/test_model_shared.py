"""Eight years of real prices with a walk-forward model: from the same book, no order is larger than without it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sklearn_trees import SklearnTrees
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import OrderPurpose
from trading.domain.portfolio import Portfolio
from trading.engine.arrival import Market
from trading.engine.hours import Hours, Terms, history_panel
from trading.engine.playing import play
from trading.engine.replay import replay_panel
from trading.engine.shrinking import MODEL
from trading.engine.state import BookState
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.research.model_forward import ModelPlan, walk_model
from trading.research.samples import label_of
from trading.strategy.judging import judge
from trading.strategy.three_sector import technical_core
from trading.tasks.evaluate_model import learned, read_all
from trading.tasks.facts import timeline_of

from tests.replay.test_shrinking import assert_only_less
from tests.shared_data import import_shared, needs_shared

pytestmark = [pytest.mark.shared, needs_shared, pytest.mark.timeout(900)]

CALENDAR = NyseCalendar()
SPEC, TERMS, COSTS = technical_core(), Terms(daily_pricing=True), CostModel()
BOOK = BookId(BookKind.REPLAY, "shared")
SINCE = date(2012, 1, 3)


def test_no_order_of_the_whole_replay_is_larger_with_the_model(store):
    import_shared(store, CALENDAR)
    services = Services(store, CALENDAR, SystemClock(), Sources(), broker=None, daily_pricing=True)
    timeline = timeline_of(CALENDAR, date(2016, 1, 4), date(2023, 12, 29))
    facts, _ = read_all(services, SPEC, SINCE, timeline)
    label = label_of(SPEC)
    samples, before = learned(services, SPEC, facts, timeline, TERMS, label, SINCE)
    forward = walk_model(samples, before, timeline.sessions, ModelPlan(label), SklearnTrees())
    assert sum(window.model is not None for window in forward.windows) > 5
    panel = history_panel(SPEC, facts, timeline, TERMS, forward.eras)
    market = Market.of(SPEC, facts, timeline, TERMS, COSTS)
    state = BookState(Portfolio(BOOK, timeline.sessions[0].opens_at, Decimal(100_000)))
    hours = Hours(judge(SPEC, panel), panel, timeline, TERMS)
    seen: Counter[str] = Counter()
    orders = []
    for one in play(SPEC, state, hours, market, datetime(2016, 1, 1, tzinfo=UTC)):
        if one.taken.orders or one.taken.vetoes:
            assert_only_less(SPEC, one)
        entries = [o for o in one.taken.orders if o.purpose is OrderPurpose.ENTRY]
        seen["entries"] += len(entries)
        seen["shrunk"] += sum(MODEL in (o.detail or "") for o in entries)
        seen["refused"] += sum(v.code == MODEL and bool(v.denials) for v in one.taken.vetoes)
        orders += one.taken.orders
    assert min(seen["entries"], seen["shrunk"], seen["refused"]) > 20, seen
    # The engine that jumps over quiet hours sends the very same orders.
    jumped = replay_panel(SPEC, panel, market, timeline, book=BOOK, cash_usd=Decimal(100_000), terms=TERMS)
    assert [(o.order_id, o.quantity) for o in jumped.orders] == [(o.order_id, o.quantity) for o in orders]
