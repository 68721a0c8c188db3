"""Environment → one frozen `Settings`, checked once. Nothing else reads `os.environ`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path

from trading.domain.instruments import BookId, BookKind, ClientCategory
from trading.domain.message_policy import MessagePolicy
from trading.domain.message_words import policy_of
from trading.domain.people import Role
from trading.domain.portfolio import AccountType
from trading.errors import ConfigurationError
from trading.execution.costs import CommissionPlan

TEST_MARKS = ("PYTEST_CURRENT_TEST", "CI")
"""Variables that a test or a build server sets; real money never moves while one of them is set."""


class Mode(StrEnum):
    """Whose money. Read in `bootstrap` only."""

    DEMO = "demo"
    PAPER = "paper"
    LIVE = "live"


class SourceKind(StrEnum):
    """Where facts come from."""

    SYNTHETIC = "synthetic"
    STORED = "stored"
    VENDORS = "vendors"


class LogFormat(StrEnum):
    """How programs write what they say."""

    TEXT = "text"
    JSON = "json"


DELAYED_PLANS = frozenset({"starter", "developer"})
DELAYED_MINUTES = 17
"""What a delayed plan of Polygon needs: 15 minutes, and two for the bar to appear."""


@dataclass(frozen=True, slots=True)
class VendorSettings:
    """Keys and addresses of the data vendors; what is empty switches its source off.

    Attributes:
        polygon_plan: basic, starter, developer or advanced.
        polygon_rpm: calls a minute; 0 takes the plan's own.
        sec_user_agent: how the SEC can reach the person who asks, e.g. "Airdesk name@example.com".
        newsapi_plan: developer (free: 24 hours late, for development only) or business.
        x_budget_usd: what posts may cost in a UTC month [USD]; 0 leaves X off whatever the token.
        ibkr_bars: whether a broker of your own is asked for bars, the VIX and the prices of the metals.
        *_base_url: another address, for tests and proxies; "" takes the vendor's own.
    """

    polygon_key: str = field(default="", repr=False)
    polygon_plan: str = "basic"
    polygon_rpm: int = 0
    polygon_base_url: str = ""
    sec_user_agent: str = ""
    sec_base_url: str = ""
    fred_key: str = field(default="", repr=False)
    fred_base_url: str = ""
    alphavantage_key: str = field(default="", repr=False)
    alphavantage_base_url: str = ""
    newsapi_key: str = field(default="", repr=False)
    newsapi_plan: str = "developer"
    newsapi_base_url: str = ""
    x_token: str = field(default="", repr=False)
    x_budget_usd: int = 0
    x_base_url: str = ""
    ibkr_bars: bool = True
    cboe_base_url: str = ""
    gpr_base_url: str = ""


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """The bot on Telegram, and whom it listens to.

    Attributes:
        token: of the bot; "" switches Telegram off.
        chats: ids of the chats that the bot reads; the first one receives the messages. A group's id is negative.
        people: role by user id. A person who is not listed gets no answer.
        base_url: another address, for tests; "" takes Telegram's own.
        policy: when which messages arrive.
    """

    token: str = field(default="", repr=False)
    chats: tuple[int, ...] = ()
    people: Mapping[int, Role] = field(default_factory=dict)
    base_url: str = ""
    policy: MessagePolicy = field(default_factory=MessagePolicy)


@dataclass(frozen=True, slots=True)
class TaxpayerSettings:
    """Whose books belong together for the wash-sale rule, and what it is applied to.

    Attributes:
        books, iras: of one taxpayer; the retirement accounts among them.
        groups: symbols that are substantially identical with another one, and which one that is.
        exempt: symbols that the rule is not applied to.
    """

    books: tuple[BookId, ...] = ()
    iras: frozenset[BookId] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)
    exempt: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a person can set; see `.env.example` for each line's meaning."""

    database_url: str = field(repr=False)
    read_database_url: str = field(default="", repr=False)
    mode: Mode = Mode.DEMO
    book: BookId = field(default_factory=lambda: BookId(BookKind.DEMO, "default"))
    strategy: str = "three_sector"
    sources: SourceKind = SourceKind.SYNTHETIC
    source_delay_minutes: int = 0
    daily_pricing: bool = False
    synthetic_seed: int = 7
    starting_cash_usd: int = 100_000
    account_type: AccountType = AccountType.MARGIN
    client_category: ClientCategory = ClientCategory.US
    commission: CommissionPlan = CommissionPlan.FIXED
    half_spread_bps: int = 5
    broker_host: str = "127.0.0.1"
    broker_port: int = 0
    broker_account: str = ""
    broker_client_id: int = 11
    gateway_control_port: int = 0
    gateway_restart_at: time = time(23, 45)
    state_dir: Path = Path(".airdesk")
    halt_file: Path = Path(".airdesk/HALT")
    live_armed: str = ""
    approval_above_usd: int | None = None
    under_test: str | None = None
    flex_url: str = ""
    flex_token: str = field(default="", repr=False)
    flex_query: str = ""
    keep_replies_days: int = 90
    text_model: str = ""
    watchdog_minutes: int = 10
    health_port: int = 0
    taxpayer: TaxpayerSettings = field(default_factory=TaxpayerSettings)
    telegram: TelegramSettings = field(default_factory=TelegramSettings)
    ui_url: str = ""
    vendors: VendorSettings = field(default_factory=VendorSettings)

    @property
    def has_own_broker(self) -> bool:
        """Whether a broker is configured that is not the paper gateway, which alone has a control port."""
        return bool(self.broker_port) and not self.gateway_control_port

    def __post_init__(self) -> None:
        # By hand, because `urlsplit` raises at brackets in a password, with what is between them.
        own, read = (url.partition("?")[0].rpartition("/")[2] for url in (self.database_url, self.read_database_url))
        if self.read_database_url and read != own:
            # The page would show one desk and halt another.
            raise ConfigurationError(
                "AIRDESK_READ_DATABASE_URL names another database than AIRDESK_DATABASE_URL; name that one"
            )
        if self.book.kind is not BookKind.REPLAY and self.book.kind != self.mode.value:
            raise ConfigurationError(
                f"AIRDESK_BOOK={self.book} does not fit AIRDESK_MODE={self.mode}; name a {self.mode}: book"
            )
        if self.sources is SourceKind.SYNTHETIC and self.mode is not Mode.DEMO:
            raise ConfigurationError(
                "AIRDESK_SOURCES=synthetic is for the demo only; set it to vendors, or import data and set it to stored"
            )
        if self.sources is SourceKind.VENDORS and self.mode is Mode.DEMO:
            raise ConfigurationError(
                "AIRDESK_SOURCES=vendors brings real data, which the demo must not hold; set AIRDESK_MODE=paper"
            )
        if self.mode is Mode.LIVE and not (self.broker_port and self.broker_account):
            raise ConfigurationError(
                "AIRDESK_MODE=live needs your own broker: set AIRDESK_BROKER_PORT and AIRDESK_BROKER_ACCOUNT"
            )


def load_settings(env: Mapping[str, str] | None = None, *, database_url: str | None = None) -> Settings:
    """Return the settings in `env` (default: the process environment).

    Args:
        env: variables by name.
        database_url: replaces AIRDESK_DATABASE_URL; an Airflow Connection is given this way.

    Raises:
        ConfigurationError: a value is missing or not understood; the text names the variable.
    """
    values = os.environ if env is None else env
    mode = _choice(values, "AIRDESK_MODE", Mode, Mode.DEMO)
    state_dir = Path(values.get("AIRDESK_STATE_DIR") or ".airdesk")
    if not (url := database_url or values.get("AIRDESK_DATABASE_URL", "")):
        raise ConfigurationError("AIRDESK_DATABASE_URL is not set; run through ./airdesk, which starts a Postgres")
    return Settings(
        database_url=url,
        read_database_url=values.get("AIRDESK_READ_DATABASE_URL", ""),
        mode=mode,
        book=BookId.parse(values.get("AIRDESK_BOOK") or f"{mode}:default"),
        strategy=values.get("AIRDESK_STRATEGY") or "three_sector",
        sources=_choice(
            values, "AIRDESK_SOURCES", SourceKind, SourceKind.SYNTHETIC if mode is Mode.DEMO else SourceKind.STORED
        ),
        source_delay_minutes=source_delay_minutes(values),
        daily_pricing=_whole(values, "AIRDESK_DAILY_PRICING", 0) == 1,
        synthetic_seed=_whole(values, "AIRDESK_SYNTHETIC_SEED", 7),
        starting_cash_usd=_whole(values, "AIRDESK_STARTING_CASH_USD", 100_000),
        account_type=_choice(values, "AIRDESK_ACCOUNT_TYPE", AccountType, AccountType.MARGIN),
        client_category=_choice(values, "AIRDESK_CLIENT_CATEGORY", ClientCategory, ClientCategory.US),
        commission=_choice(values, "AIRDESK_COMMISSION", CommissionPlan, CommissionPlan.FIXED),
        half_spread_bps=_whole(values, "AIRDESK_HALF_SPREAD_BPS", 5),
        broker_host=values.get("AIRDESK_BROKER_HOST") or "127.0.0.1",
        broker_port=_whole(values, "AIRDESK_BROKER_PORT", 0),
        broker_account=values.get("AIRDESK_BROKER_ACCOUNT", ""),
        broker_client_id=_whole(values, "AIRDESK_BROKER_CLIENT_ID", 11),
        gateway_control_port=_whole(values, "AIRDESK_GATEWAY_CONTROL_PORT", 0),
        gateway_restart_at=_clock_time(values, "AIRDESK_GATEWAY_RESTART_AT", "23:45"),
        state_dir=state_dir,
        live_armed=values.get("AIRDESK_LIVE_ARMED", ""),
        approval_above_usd=approval_above_usd(values),
        under_test=next((name for name in TEST_MARKS if values.get(name)), None),
        halt_file=Path(values.get("AIRDESK_HALT_FILE") or state_dir / "HALT"),
        flex_url=values.get("AIRDESK_FLEX_URL", ""),
        flex_token=_secret(values, "AIRDESK_FLEX_TOKEN", "AIRDESK_FLEX_TOKEN_FILE"),
        flex_query=values.get("AIRDESK_FLEX_QUERY", ""),
        keep_replies_days=_whole(values, "AIRDESK_KEEP_REPLIES_DAYS", 90),
        text_model=values.get("AIRDESK_TEXT_MODEL", ""),
        watchdog_minutes=_whole(values, "AIRDESK_WATCHDOG_MINUTES", 10),
        health_port=_whole(values, "AIRDESK_HEALTH_PORT", 0),
        taxpayer=_taxpayer(values),
        telegram=_telegram(values),
        ui_url=(values.get("AIRDESK_UI_URL") or values.get("AIRFLOW__API__BASE_URL", "")).rstrip("/"),
        vendors=_vendors(values),
    )


def _taxpayer(values: Mapping[str, str]) -> TaxpayerSettings:
    named = _listed(values, "AIRDESK_TAXPAYER_BOOKS")
    books = {BookId.parse(text.removesuffix("@ira")): text.endswith("@ira") for text in named}
    if {b.kind for b in books} & {BookKind.REPLAY, BookKind.DEMO}:
        raise ConfigurationError("AIRDESK_TAXPAYER_BOOKS names a replay or demo book, which no taxpayer has; remove it")
    pairs = [text.partition("=") for text in _listed(values, "AIRDESK_WASH_GROUPS")]
    if not all(symbol and like for symbol, _, like in pairs):
        raise ConfigurationError("AIRDESK_WASH_GROUPS lists SYMBOL=SYMBOL, e.g. GOOGL=GOOG; correct it in .env")
    return TaxpayerSettings(
        books=tuple(books),
        iras=frozenset(book for book, is_ira in books.items() if is_ira),
        groups={symbol: like for symbol, _, like in pairs},
        exempt=frozenset(_listed(values, "AIRDESK_WASH_EXEMPT")),
    )


def _telegram(values: Mapping[str, str]) -> TelegramSettings:
    token = _secret(values, "AIRDESK_TELEGRAM_TOKEN", "AIRDESK_TELEGRAM_TOKEN_FILE")
    if token and not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", token):
        raise ConfigurationError("AIRDESK_TELEGRAM_TOKEN is no token like 123456:ABC…; copy what BotFather said")
    chats = tuple(_chat(text) for text in _listed(values, "AIRDESK_TELEGRAM_CHATS"))
    if token and not chats:
        raise ConfigurationError("AIRDESK_TELEGRAM_CHATS is empty; name the chat that receives messages in .env")
    return TelegramSettings(
        token=token,
        chats=chats,
        people=dict(_person(text) for text in _listed(values, "AIRDESK_TELEGRAM_PEOPLE")),
        base_url=values.get("AIRDESK_TELEGRAM_BASE_URL", "").rstrip("/"),
        policy=policy_of(
            quiet=values.get("AIRDESK_TELEGRAM_QUIET", ""),
            zone=values.get("AIRDESK_TELEGRAM_ZONE") or "America/New_York",
            kinds=values.get("AIRDESK_TELEGRAM_KINDS", ""),
        ),
    )


def _chat(text: str) -> int:
    if not re.fullmatch(r"-?[1-9][0-9]{0,18}", text):
        raise ConfigurationError(f"AIRDESK_TELEGRAM_CHATS names {text!r}, which is no chat id like 42 or -100123")
    return int(text)


def _person(text: str) -> tuple[int, Role]:
    number, _, role = (part.strip() for part in text.partition(":"))
    if not re.fullmatch(r"[1-9][0-9]{0,18}", number) or role not in set(Role):
        raise ConfigurationError(
            f"AIRDESK_TELEGRAM_PEOPLE names {text!r}; write USERID:ROLE with a role of {', '.join(Role)}"
        )
    return int(number), Role(role)


def _listed(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in values.get(name, "").split(",") if part.strip())


def _vendors(values: Mapping[str, str]) -> VendorSettings:
    return VendorSettings(
        polygon_key=_secret(values, "POLYGON_API_KEY", "POLYGON_API_KEY_FILE"),
        polygon_plan=values.get("POLYGON_PLAN") or "basic",
        polygon_rpm=_whole(values, "POLYGON_RPM", 0),
        polygon_base_url=values.get("POLYGON_BASE_URL", ""),
        sec_user_agent=values.get("SEC_USER_AGENT", ""),
        sec_base_url=values.get("SEC_BASE_URL", ""),
        fred_key=_secret(values, "FRED_API_KEY", "FRED_API_KEY_FILE"),
        fred_base_url=values.get("FRED_BASE_URL", ""),
        alphavantage_key=_secret(values, "ALPHAVANTAGE_API_KEY", "ALPHAVANTAGE_API_KEY_FILE"),
        alphavantage_base_url=values.get("ALPHAVANTAGE_BASE_URL", ""),
        newsapi_key=_secret(values, "NEWSAPI_KEY", "NEWSAPI_KEY_FILE"),
        newsapi_plan=values.get("NEWSAPI_PLAN") or "developer",
        newsapi_base_url=values.get("NEWSAPI_BASE_URL", ""),
        x_token=_secret(values, "X_BEARER_TOKEN", "X_BEARER_TOKEN_FILE"),
        x_budget_usd=_whole(values, "X_MONTHLY_BUDGET_USD", 0),
        x_base_url=values.get("X_BASE_URL", ""),
        ibkr_bars=_whole(values, "AIRDESK_IBKR_BARS", 1) == 1,
        cboe_base_url=values.get("CBOE_BASE_URL", ""),
        gpr_base_url=values.get("GPR_BASE_URL", ""),
    )


def source_delay_minutes(env: Mapping[str, str] | None = None) -> int:
    """Return how late the sources are, in minutes; the timetable needs this alone, without a database.

    Not set, it is what the plan of Polygon needs, where Polygon is asked.
    """
    values = os.environ if env is None else env
    is_asked = values.get("AIRDESK_SOURCES") == SourceKind.VENDORS
    is_delayed = is_asked and values.get("POLYGON_PLAN") in DELAYED_PLANS
    return _whole(values, "AIRDESK_SOURCE_DELAY_MINUTES", DELAYED_MINUTES if is_delayed else 0)


def approval_above_usd(env: Mapping[str, str] | None = None) -> int | None:
    """Return the worth above which an entry waits for a person [USD]: 0 for every entry, None for none."""
    values = os.environ if env is None else env
    return _whole(values, "AIRDESK_APPROVAL_ABOVE_USD", 0) if values.get("AIRDESK_APPROVAL_ABOVE_USD") else None


def backup_key(env: Mapping[str, str] | None = None) -> str:
    """Return what backups are encrypted with, "" for not at all; a restore needs it before there are settings.

    Raises:
        ConfigurationError: its file is named and holds no key: whoever names one would not expect a readable backup.
    """
    values = os.environ if env is None else env
    key = _secret(values, "AIRDESK_BACKUP_KEY", "AIRDESK_BACKUP_KEY_FILE")
    if not key and values.get("AIRDESK_BACKUP_KEY_FILE"):
        raise ConfigurationError("the file of AIRDESK_BACKUP_KEY_FILE is empty; fill it by openssl rand -base64 32")
    return key


def log_format(env: Mapping[str, str] | None = None) -> LogFormat:
    """Return how programs write what they say; it is needed before there are settings."""
    return _choice(os.environ if env is None else env, "AIRDESK_LOG_FORMAT", LogFormat, LogFormat.TEXT)


def ui_port(env: Mapping[str, str] | None = None) -> int:
    """Return the port on which the UI is tried first; the desk needs it before it has a database."""
    return _whole(os.environ if env is None else env, "AIRDESK_UI_PORT", 8080)


def _secret(values: Mapping[str, str], name: str, file_name: str) -> str:
    """Return a secret from the environment, or from the file that `file_name` names; "" if neither is set."""
    if not (path := values.get(file_name, "")):
        return values.get(name, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no text"
        raise ConfigurationError(f"{file_name} cannot be read ({why}); correct it in .env") from None


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not text.isdecimal():
        raise ConfigurationError(f"{name}={text!r} is not a whole number of 0 or more; correct it in .env")
    return int(text)


def _clock_time(values: Mapping[str, str], name: str, default: str) -> time:
    text = values.get(name) or default
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ConfigurationError(f"{name}={text!r} is no time of day like 23:45; correct it in .env")
    return time.fromisoformat(text)


def _choice[Kind: StrEnum](values: Mapping[str, str], name: str, kind: type[Kind], default: Kind) -> Kind:
    text = values.get(name) or default.value
    if text not in set(kind):
        raise ConfigurationError(f"{name}={text!r} is not one of {', '.join(kind)}; correct it in .env")
    return kind(text)
