"""The Desk page is mounted in the one process that serves the UI, and is made when somebody asks for it."""

from __future__ import annotations

import asyncio
import sys


def test_only_the_api_server_gets_the_page(airflow_home, monkeypatch):
    import airdesk_plugin

    assert airdesk_plugin._apps() == []
    monkeypatch.setattr(sys, "argv", ["airflow", "api-server"])
    (mounted,) = airdesk_plugin._apps()
    assert mounted["url_prefix"] == "/desk"
    assert {view["destination"] for view in airdesk_plugin.AirdeskPlugin.external_views} == {"nav", "dag_run"}


def test_an_app_is_made_once_at_its_first_request():
    from trading.entrypoints.airflow.late_app import LateApp

    made, served = [], []

    def make():
        async def app(scope, receive, send):
            served.append(scope["path"])

        made.append(1)
        return app

    late = LateApp(make)
    assert made == []

    async def ask_twice():
        await asyncio.gather(*(late({"path": path}, None, None) for path in ("/a", "/b")))

    asyncio.run(ask_twice())
    assert (made, sorted(served)) == ([1], ["/a", "/b"])
