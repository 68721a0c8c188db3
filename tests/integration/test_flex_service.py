"""The two steps of the Flex Web Service over a real socket: codes, silence, size, and the token that stays inside."""

from __future__ import annotations

import logging

import pytest
from trading.adapters import flex
from trading.adapters.flex import FATAL, RETRYABLE, FlexStatements
from trading.errors import ConfigurationError, DataRejected, PermanentError, RateLimited, TransientError

from tests.flex_service import ACCOUNT, TOKEN, flex_service, refused, statement, trade, trades

WHOLE = statement(trades(trade("e1", "GLD", 10, "120.5")))


def client(url: str) -> FlexStatements:
    return FlexStatements(url, TOKEN, "424242", account=ACCOUNT, poll_seconds=0.0, polls=3)


def test_a_statement_is_asked_for_and_then_fetched_under_its_reference():
    with flex_service(WHOLE) as service:
        body, found = client(service.url).fetch()
    assert body == WHOLE.encode()
    assert len(found.trades) == 1
    first, second = service.asked
    assert first == ("SendRequest", {"t": [TOKEN], "q": ["424242"], "v": ["3"]}, "airdesk")
    assert second == ("GetStatement", {"t": [TOKEN], "q": ["1000000001"], "v": ["3"]}, "airdesk")


def test_a_statement_that_is_still_being_made_is_waited_for():
    with flex_service(refused(1019), refused(1019), WHOLE) as service:
        assert client(service.url).fetch()[1].trades


def test_a_statement_that_is_never_ready_is_left_for_later():
    with flex_service(refused(1019)) as service, pytest.raises(TransientError, match="1019"):
        client(service.url).fetch()
    assert len(service.asked) == 4


@pytest.mark.parametrize("code", ["1004", "1005", "1006", "1007", "1008", "1009", "1018", "1019", "1021"])
def test_a_code_that_passes_is_worth_another_try(code):
    for answers, send in (((refused(code),), None), ((WHOLE,), refused(code))):
        with (
            flex_service(*answers, **({"send": send} if send else {})) as service,
            pytest.raises(TransientError, match=code),
        ):
            client(service.url).fetch()


@pytest.mark.parametrize("code", ["1010", "1011", "1012", "1013", "1014", "1015", "1016", "1017", "1020"])
def test_a_code_that_does_not_pass_names_what_to_change(code):
    with flex_service(WHOLE, send=refused(code)) as service, pytest.raises(PermanentError, match=code) as raised:
        client(service.url).fetch()
    assert ";" in str(raised.value)


def test_no_code_is_both_passing_and_final():
    assert not set(RETRYABLE) & set(FATAL)


def test_too_many_requests_say_how_long_to_wait():
    with flex_service(WHOLE, send=refused(1018)) as service, pytest.raises(RateLimited) as raised:
        client(service.url).fetch()
    assert raised.value.retry_after_seconds == 60


@pytest.mark.parametrize(
    ("send", "expected"),
    [
        (refused(4711), PermanentError),
        ("<html>maintenance</html>", PermanentError),
        ((503, "busy"), TransientError),
        ((429, "slow down"), TransientError),
        ((302, "elsewhere"), PermanentError),
        ((404, "nothing"), PermanentError),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_right_kind(send, expected):
    with flex_service(WHOLE, send=send) as service, pytest.raises(expected):
        client(service.url).fetch()
    assert [endpoint for endpoint, _, _ in service.asked] == ["SendRequest"]


def test_a_statement_that_is_cut_off_or_unknown_is_not_used():
    with flex_service(WHOLE[:-30]) as service, pytest.raises(TransientError):
        client(service.url).fetch()
    with flex_service(WHOLE.replace("<Trade ", "<Trick ")) as service, pytest.raises(DataRejected, match="Trick"):
        client(service.url).fetch()


def test_a_statement_that_is_far_too_large_is_given_up(monkeypatch):
    monkeypatch.setattr(flex, "LIMIT_BYTES", 100)
    with flex_service(WHOLE) as service, pytest.raises(PermanentError, match="larger"):
        client(service.url).fetch()


def test_s01_the_token_is_in_no_log_and_in_no_error(caplog):
    caplog.set_level(logging.DEBUG)
    with flex_service(WHOLE) as service:
        client(service.url).fetch()
    broken = [
        lambda: client("http://127.0.0.1:9").fetch(),
        *(lambda code=code: _refused_with(code) for code in ("1012", "1018", "4711")),
    ]
    for attempt in broken:
        with pytest.raises((TransientError, PermanentError)) as raised:
            attempt()
        assert TOKEN not in str(raised.value)
        assert raised.value.__cause__ is None
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(client("http://127.0.0.1:9"))


def _refused_with(code: str):
    with flex_service(WHOLE, send=refused(code)) as service:
        return client(service.url).fetch()


def test_the_token_never_travels_in_the_clear_to_another_machine():
    with pytest.raises(ConfigurationError, match="https"):
        client("http://statements.example.com/Flex")
