"""docs/reference/tables.md, made of the migrated schema and its comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from trading.adapters.postgres_store.describing import Column
from trading.entrypoints.documentation.markdown import code, page, table

NAME = "docs/reference/tables.md"
SOURCE = "the comments in `include/sql/migrations`"
ROOMS: Mapping[str, str] = {
    "staging": "What vendors and brokers said, before anything was believed. Append-only.",
    "market": "Checked facts about the market, each with the instant from which it may be read.",
    "analysis": "What was worked out of the facts, for each symbol and hour.",
    "desk": "Decisions, orders and the ledger of every book. The ledger is append-only by trigger.",
    "ops": "Running the desk: switches, comparisons, messages, calls to vendors.",
    "public": "Which migrations were applied.",
}
"""Schemas in the order in which facts travel."""


def tables_page(columns: Sequence[Column]) -> str:
    """Return the page of all tables."""
    parts = [
        "One Postgres database, `airdesk` (the demo has its own, `airdesk_demo`); Airflow keeps its metadata beside "
        "it, in `airflow`. Instants are UTC. Money of the ledger is `numeric`, indicators are `double precision`, and "
        "what is unknown is NULL."
    ]
    for schema in sorted({c.schema for c in columns}, key=list(ROOMS).index):
        parts += [f"## {schema}", ROOMS[schema]]
        members = [c for c in columns if c.schema == schema]
        for name, found in groupby(members, key=lambda c: c.relation):
            own = list(found)
            kind = " (view)" if own[0].kind == "v" else ""
            rows = [(code(c.name), code(c.type), "may be unknown" if c.is_nullable else "", c.told) for c in own]
            told = f"{own[0].relation_told}{'.' if own[0].relation_told else ''}"
            parts += [f"### {schema}.{name}{kind}", told, table(("column", "type", "", "meaning"), rows)]
    return page("Tables", SOURCE, parts)
