"""Where a request may go: next pages, redirects, proxies of the environment, and addresses that are refused at once."""

from __future__ import annotations

import pytest
from trading.adapters.http import HttpClient, KeyPlace, NotEntitled, Quota, VendorRefused, VendorTerms
from trading.errors import ConfigurationError

from tests.fakes_http import CANARY, FREE, MemoryCalls, terms_for
from tests.http_stub import Answer, http_stub

DATA = Answer({"a": 1})


def client_for(url, calls=None, **changes):
    return HttpClient(terms_for(url, **changes), calls or MemoryCalls(), deadline_seconds=20.0, sleep=lambda s: None)


def moved(where):
    return Answer(b"", status=302, headers={"Location": where})


def test_the_next_page_of_the_same_host_is_followed_with_the_key():
    with http_stub(DATA) as stub:
        reply = client_for(stub.url).follow(f"{stub.url}/v3/page?cursor=abc")
    assert reply.body == b'{"a": 1}'
    assert stub.asked[0].query == {"cursor": ["abc"]}
    assert stub.asked[0].headers["X-Api-Key"] == CANARY


def test_a_page_of_another_host_is_fetched_only_if_the_terms_name_it():
    with http_stub(DATA) as ours, http_stub(DATA) as other:
        with pytest.raises(VendorRefused, match="outside its own hosts"):
            client_for(ours.url).follow(f"{other.url}/page")
        assert other.asked == []
        client_for(ours.url, allowed_hosts=(other.url.removeprefix("http://"),)).follow(f"{other.url}/page")
        assert len(other.asked) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://api.vendor.example.evil.example/page",
        "https://api.vendor.example@evil.example/page",
        "https://user:pass@api.vendor.example/page",
        "https://api.vendor.example:8443/page",
        "http://api.vendor.example/page",
        "file:///etc/passwd",
        "https://api.vendor.example:99999/page",
        "https://[evil/page",
        "https://api.vendor.example/page\0",
        "https://api.vendor.example/\ud800",
        "//evil.example/page",
        "/v3/page",
        "",
    ],
)
def test_an_address_that_only_looks_like_the_vendors_is_refused(address):
    calls = MemoryCalls()
    with pytest.raises(VendorRefused) as failure:
        client_for("https://api.vendor.example", calls).follow(address)
    assert calls.calls == []
    assert "evil" not in str(failure.value)


def test_capital_letters_and_the_implied_port_make_no_other_host():
    assert terms_for("https://api.vendor.example").allows("https://API.vendor.example:443/page")


def test_a_redirect_on_the_same_host_is_followed_and_counted():
    with http_stub(paths={"/old": [moved("/new?x=1")], "/new": [DATA]}) as stub:
        calls = MemoryCalls()
        assert client_for(stub.url, calls).get_json("/old", {"q": "a"}) == {"a": 1}
    assert [asked.path for asked in stub.asked] == ["/old", "/new"]
    assert calls.results() == [(302, None), (200, None)]


def test_a_redirect_to_another_host_is_refused_even_if_pages_may_be_there():
    with http_stub(DATA) as other, http_stub(moved(f"{other.url}/x")) as stub:
        with pytest.raises(VendorRefused, match="sends us elsewhere"):
            client_for(stub.url, allowed_hosts=(other.url.removeprefix("http://"),)).get_json("/old")
        assert other.asked == []


@pytest.mark.parametrize("where", ["https://[evil", "http://127.0.0.1:99999/", "javascript:alert(1)"])
def test_a_redirect_to_nonsense_is_refused(where):
    with http_stub(moved(where)) as stub, pytest.raises(VendorRefused, match="sends us elsewhere"):
        client_for(stub.url).get_json("/old")


def test_a_ring_of_redirects_ends():
    with http_stub(moved("/again")) as stub:
        with pytest.raises(VendorRefused):
            client_for(stub.url).get_json("/again")
        assert len(stub.asked) == 4


def test_proxies_and_logins_of_the_environment_are_ignored(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with http_stub(Answer({"from": "proxy"})) as proxy, http_stub(DATA) as stub:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert client_for(stub.url).get_json("/a") == {"a": 1}
        assert "Authorization" not in stub.asked[0].headers
        assert proxy.asked == []


@pytest.mark.parametrize("url", ["http://api.vendor.example", "ftp://127.0.0.1", "api.vendor.example", ""])
def test_a_base_url_that_would_send_the_key_in_the_clear_is_refused(url):
    with pytest.raises(ConfigurationError, match="https://"):
        VendorTerms("stub", url, FREE)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_was_copied_badly_is_refused_without_being_shown(key):
    with pytest.raises(ConfigurationError) as failure:
        VendorTerms("stub", "https://api.vendor.example", FREE, key_name="k", secret=key)
    assert key not in str(failure.value)


def test_a_key_in_the_query_is_added_to_whatever_the_caller_asks():
    with http_stub(DATA) as stub:
        client_for(stub.url, key_name="api_key", key_place=KeyPlace.QUERY).get_json("/a", {"series": "CPI"})
    assert stub.asked[0].query == {"series": ["CPI"], "api_key": [CANARY]}


def test_a_capability_that_is_off_costs_no_call():
    calls = MemoryCalls()
    calls.switch_off("stub", "indices", reason="403")
    with http_stub(DATA) as stub, pytest.raises(NotEntitled, match="off for now"):
        client_for(stub.url, calls, quota=Quota(per_window=1, window_seconds=1.0)).get("/i", capability="indices")
    assert calls.calls == []
