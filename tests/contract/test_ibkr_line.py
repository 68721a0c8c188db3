"""Processes that ask the broker for bars at the same time: none holds what another one needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trading.adapters.ibkr.history import BUSY, CLIENT_ID, NAME, PACING
from trading.adapters.ibkr.session import open_session
from trading.domain.market import TimeWindow
from trading.errors import VendorUnavailable

from tests.contract.test_ibkr_bars import HASTY, NOW, SPLIT, Actions, Desk, feed_of, market
from tests.fakes import ny, running_gateway
from tests.fakes_http import MemoryCalls


@pytest.fixture
def gateway():
    with running_gateway(feed_of(market(), SPLIT), NOW) as running:
        yield running


class Paced(MemoryCalls):
    """A ledger that notes who is connected while a question waits."""

    def __init__(self, gateway):
        super().__init__(now=NOW)
        self.gateway, self.waits = gateway, []

    def passes(self, seconds):
        self.gateway.tell("advance", to=NOW.isoformat())
        self.waits.append((seconds, self.gateway.tell("state")["clients"]))
        super().passes(seconds)


def test_nobody_waits_for_a_client_id_while_its_holder_waits_for_the_pacing(gateway):
    calls = Paced(gateway)
    desk = Desk(gateway, sources=[Actions()], calls=calls, seconds=3600.0)
    desk.line.pacing = replace(PACING, per_window=2)
    assert len(desk.bars(window=TimeWindow(ny("2019-03-04 09:30"), NOW))) == 64
    assert [(round(seconds, 2), held) for seconds, held in calls.waits] == [
        (0.0, []), (0.45, [CLIENT_ID]), (599.55, []), (0.45, [CLIENT_ID])
    ]  # fmt: skip


def test_a_client_id_in_use_fails_the_question_and_is_no_outage_of_the_broker(gateway):
    desk = Desk(gateway, sources=[Actions()])
    other = open_session("127.0.0.1", gateway.port, CLIENT_ID, HASTY)
    try:
        for _ in range(2):
            with pytest.raises(VendorUnavailable, match="another process uses it") as busy:
                desk.bars()
            assert busy.value.code == BUSY
    finally:
        other.close()
    assert desk.calls.failures[NAME] == 0
    assert desk.bars()
