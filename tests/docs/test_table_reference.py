"""Every table and column is described in the database itself, and the page shows that."""

import pytest
from trading.adapters.postgres_store.describing import columns_of
from trading.entrypoints.documentation.tables import tables_page

from tests.architecture.sources import ROOT

DESCRIBE = "add COMMENT ON TABLE and COMMENT ON COLUMN to the migration that creates it"


@pytest.fixture(scope="module")
def columns(pg_server, _template):
    return columns_of(pg_server.url_for(_template))


def test_every_table_has_its_sentence(columns):
    assert sorted({f"{c.schema}.{c.relation}" for c in columns if not c.relation_told}) == [], DESCRIBE


def test_every_column_has_its_sentence(columns):
    assert [f"{c.schema}.{c.relation}.{c.name}" for c in columns if not c.told] == [], DESCRIBE


def test_the_page_of_the_tables_is_as_the_schema_makes_it(columns):
    text = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    assert text == tables_page(columns), "run `make docs` and commit what it writes"
