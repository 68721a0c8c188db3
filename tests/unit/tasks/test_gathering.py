"""One source's silence is its own."""

from __future__ import annotations

import pytest
from trading.errors import DataRejected, NotEntitled, UnknownSymbol, VendorRefused, VendorUnavailable
from trading.tasks.gathering import Gathering


def failing(error):
    def call():
        yield 1
        raise error

    return call


OUTAGE = VendorUnavailable("a: down; try again later", vendor="a")
REFUSAL = VendorRefused("a: the key is not accepted; correct it", vendor="a")
PLAN = NotEntitled("a: the plan lacks it; change the plan", vendor="a")


def test_an_outage_is_raised_after_the_others_were_asked():
    gathering = Gathering()
    assert gathering.ask("a", "no bars", failing(OUTAGE)) is None
    assert gathering.ask("b", "no bars", lambda: [2]) == (2,)
    with pytest.raises(VendorUnavailable):
        gathering.conclude()


def test_a_source_that_is_out_of_service_is_not_asked_again():
    gathering, asked = Gathering(), []
    gathering.ask("a", "no bars", failing(REFUSAL))
    assert gathering.ask("a", "no bars", lambda: asked.append(1) or [1]) is None
    assert asked == []


def test_a_refusal_is_a_note_while_another_answers_and_an_error_when_none_does():
    alone, helped = Gathering(), Gathering()
    alone.ask("a", "no bars", failing(REFUSAL))
    with pytest.raises(VendorRefused):
        alone.conclude()
    helped.ask("a", "no bars", failing(REFUSAL))
    helped.ask("b", "no bars", lambda: [2])
    helped.conclude()
    assert helped.is_partial


def test_a_plan_that_lacks_it_is_a_note_even_when_nobody_else_answers():
    gathering = Gathering()
    gathering.ask("a", "no bars", failing(PLAN))
    gathering.conclude()
    assert gathering.notes == ["no bars, and nothing more from a: a: the plan lacks it; change the plan"]
    assert (gathering.is_partial, gathering.has_failed) == (True, False)


@pytest.mark.parametrize(
    ("error", "is_partial"), [(UnknownSymbol("a: unknown; check it", vendor="a"), False), (DataRejected("x"), True)]
)
def test_one_bad_reply_does_not_keep_the_next_symbol_from_being_asked(error, is_partial):
    gathering = Gathering()
    gathering.ask("a", "no filings of X", failing(error))
    assert gathering.ask("a", "no filings of Y", lambda: [1]) == (1,)
    assert gathering.is_partial is gathering.has_failed is is_partial
    gathering.conclude()
