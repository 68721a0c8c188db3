"""What a desk decides at its start."""

from __future__ import annotations

import os

import pytest
from trading.bootstrap import services_for
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.running_desk import own_gateway_settings
from trading.settings import Mode, load_settings

DATABASE = "postgresql://desk@127.0.0.1:1/airdesk"


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Checkout:
    for name in [name for name in os.environ if name.startswith("AIRDESK")]:
        monkeypatch.delenv(name)
    return Checkout(tmp_path, tmp_path, Mode.PAPER)


def test_the_paper_gateway_of_the_desk_serves_its_statements_too(checkout, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("of another broker")
    monkeypatch.setenv("AIRDESK_FLEX_TOKEN_FILE", str(tmp_path / "token"))
    exports = own_gateway_settings(checkout, DATABASE, flex_port=4444)
    settings = load_settings({**os.environ, "AIRDESK_MODE": "paper", "AIRDESK_DATABASE_URL": DATABASE, **exports})
    assert (settings.flex_url, settings.flex_token) == ("http://127.0.0.1:4444/FlexWebService", "SIMULATED")
    assert services_for(settings).statements is not None


def test_a_broker_that_is_named_keeps_its_own_statements(checkout, monkeypatch):
    monkeypatch.setenv("AIRDESK_BROKER_PORT", "4002")
    monkeypatch.setenv("AIRDESK_BROKER_ACCOUNT", "DU1234567")
    assert own_gateway_settings(checkout, DATABASE, flex_port=4444) == {}
