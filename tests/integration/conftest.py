"""Fixtures of the order tests, and of the bot's."""

from __future__ import annotations

import pytest

from tests.fakes import flat_bars
from tests.integration.bot_desk import bot_world_on
from tests.integration.order_desk import MONDAY, desk_on


@pytest.fixture
def bars():
    return flat_bars("NVDA", MONDAY, 5) + flat_bars("AAPL", MONDAY, 5)


@pytest.fixture
def desk(store, bars):
    with desk_on(store, bars) as ready:
        yield ready


@pytest.fixture(scope="module")
def bot_world(pg_server, request, tmp_path_factory):
    """A desk for a bot, shared by the tests of a module."""
    name = request.module.__name__.rpartition(".")[2]
    with bot_world_on(pg_server.url_for(name), tmp_path_factory.mktemp("bot")) as world:
        yield world
