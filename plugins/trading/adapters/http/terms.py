"""What is agreed with one vendor: where it is, how it is paid and paced, how it knows us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from trading.adapters.http.reply import Reply
from trading.errors import ConfigurationError, VendorError
from trading.ports.calls import Quota

HERE = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_PORTS = {"https": 443, "http": 80}


class KeyPlace(StrEnum):
    """Where the key travels; HEADER wherever the vendor offers it."""

    HEADER = "header"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class VendorTerms:
    """One vendor.

    Attributes:
        name: as it is written in the ledger and in messages.
        base_url: https (http on this machine only); paths are appended to it.
        key_name: header or query parameter of the key; "" where there is no key.
        key_prefix: what precedes the key in its header, for example "Bearer ".
        allowed_hosts: further "host" or "host:port" that a next-page address may name; base_url's own always may.
        max_body_bytes: a larger reply (unpacked) is refused.
        connect_seconds, read_seconds: longest wait for the connection, and for the next piece of a reply.
        limit_seconds: how long to wait where the vendor says "too many" and not for how long; None: the quota's window.
        judge: what a reply means where this vendor departs from the common table, whatever its status: some tell
            their errors with 200. None for "as the table says". Only the excerpt of its error reaches the audit.
    """

    name: str
    base_url: str
    quota: Quota
    key_name: str = ""
    key_place: KeyPlace = KeyPlace.HEADER
    key_prefix: str = ""
    secret: str = field(default="", repr=False)
    user_agent: str = "airdesk"
    allowed_hosts: tuple[str, ...] = ()
    max_body_bytes: int = 32_000_000
    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    limit_seconds: float | None = None
    judge: Callable[[Reply], VendorError | None] | None = None

    def __post_init__(self) -> None:
        """Refuse an address that would send the key in the clear, and a key that no header can carry."""
        if (place := _split(self.base_url)) is None:
            raise ConfigurationError(f"{self.name}: the base URL is not an address; correct the setting")
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in HERE):
            raise ConfigurationError(f"{self.name}: the base URL must start with https://; correct the setting")
        if not (self.secret.isascii() and self.secret.isprintable()) or " " in self.secret:
            raise ConfigurationError(f"{self.name}: the key holds a character that no key has; copy it again")

    @property
    def scheme(self) -> str:
        """Return the scheme of every request."""
        return urlsplit(self.base_url).scheme

    def url_of(self, path: str) -> str:
        """Return the address of a path under the base URL."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def allows(self, url: str) -> bool:
        """Return whether a whole address is one of this vendor's: same scheme, a known host, nobody's login in it."""
        known = {host_of(self.base_url), *(host_of(f"{self.scheme}://{host}") for host in self.allowed_hosts)}
        if not (url.isascii() and url.isprintable()):
            return False
        return url.startswith(f"{self.scheme}://") and "@" not in url.split("/", 3)[2] and host_of(url) in known

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the headers and the query parameters that carry the key."""
        if not self.secret or not self.key_name:
            return {}, {}
        if self.key_place is KeyPlace.HEADER:
            return {self.key_name: f"{self.key_prefix}{self.secret}"}, {}
        return {}, {self.key_name: self.secret}


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address, or None: what `urlsplit` says of a broken one repeats it."""
    try:
        place = urlsplit(url)
        _ = place.port
    except ValueError:
        return None
    return place


def host_of(url: str) -> str | None:
    """Return "host:port" in lower case, with the port that the scheme implies; None where an address has no host."""
    try:
        place = urlsplit(url)
        port = place.port or DEFAULT_PORTS.get(place.scheme)
    except ValueError:
        return None
    return f"{place.hostname.lower()}:{port}" if place.hostname else None
