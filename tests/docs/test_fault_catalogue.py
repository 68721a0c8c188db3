"""Every fault has its tests, and every test that is listed exists, in the catalogue and on its page."""

from __future__ import annotations

import re

from tests.docs.faults import FAULTS, PAGE, coverage, every_test, named_tests
from tests.oracles import oracle

REMAKE = "run: python -m tests.docs.faults"


def test_every_fault_has_a_test_and_every_listed_test_exists() -> None:
    found, existing = coverage(), set(every_test())
    assert [fault_id for fault_id, tests in found.items() if not tests] == []
    assert [name for tests in found.values() for name in tests if name not in existing] == []


def test_no_test_carries_an_id_that_is_in_no_catalogue() -> None:
    assert sorted({fault_id for _, fault_id in named_tests()} - set(FAULTS)) == []


def test_the_page_lists_every_fault_and_only_tests_that_exist() -> None:
    written, existing = PAGE.read_text(encoding="utf-8"), {name.rpartition("/")[2] for name in every_test()}
    rows = re.findall(r"^\| (\w\d\d) \| (S\d) \| (.+?) \| (.+) \|$", written, re.M)
    assert [row[:3] for row in rows] == [(i, fault.severity, fault.told) for i, fault in FAULTS.items()], REMAKE
    listed = {name for row in rows for name in re.findall(r"`(test_\w+\.py:test_\w+)`", row[3])}
    assert listed - existing == set(), REMAKE
    assert all("`test_" in row[3] for row in rows), REMAKE


def test_the_catalogue_names_every_known_fault_with_its_severity() -> None:
    listed = oracle("fault_list.json")["faults"]
    assert {row["id"]: row["severity"] for row in listed} == {i: fault.severity for i, fault in FAULTS.items()}
