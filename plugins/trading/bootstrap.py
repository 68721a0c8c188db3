"""Picks adapters for the settings; the only reader of Mode besides `settings` itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from urllib.parse import unquote

from trading.accounting.tax.records import TaxRules
from trading.adapters.clock import SystemClock
from trading.adapters.code_hash import code_hash
from trading.adapters.halt_flag import HaltFlag
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.model_files import StateModelFiles
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.adapters.refused_gate import RefusedGate
from trading.adapters.report_files import StateReportFiles
from trading.adapters.sklearn_trees import SklearnTrees
from trading.adapters.state_tidying import StateTidying
from trading.adapters.verdict_files import VerdictFiles
from trading.domain.instruments import BookKind, Symbol
from trading.domain.interlock import CONDITIONS, LIVE_PORTS, PAPER_PREFIX, LiveTerms, RunOrigin
from trading.domain.market import CorporateAction
from trading.domain.searches import Plan, SearcherName
from trading.errors import ConfigurationError
from trading.execution.costs import SCHEDULES, CostModel
from trading.ports import BrokerGate, Services, Sources, StatementSource
from trading.ports.tax import Taxpayer
from trading.research.searchers import GridSearcher, Searcher
from trading.settings import Mode, Settings, SourceKind, TaxpayerSettings, VendorSettings
from trading.strategy.catalogue import spec_named
from trading.strategy.spec import StrategySpec
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.past import synthetic_sources
from trading.tasks.interlock import guarded

LONG_PASSWORD = 12


def strategy_of(settings: Settings, name: str = "") -> StrategySpec:
    """Return the strategy of the settings, or the one called `name`, with the scorer of texts that they name.

    Raises:
        ConfigurationError: there is none of that name.
        PermanentError: the scorer is not stored, or its file was changed.
    """
    spec = spec_named(name or settings.strategy)
    if not settings.text_model:
        return spec
    # Few desks have one, and the others need not load what reads it.
    from trading.adapters.text_models import FOLDER, load_text_model

    model = load_text_model(settings.state_dir / FOLDER, settings.text_model)
    return replace(spec, sentiment=replace(spec.sentiment, model=model))


def services_for(settings: Settings, *, is_history: bool = False) -> Services:
    """Return what tasks may use under `settings`; a replay book gets no broker and no source.

    With `is_history` vendors are asked for the past, at leisure, and what they say counts as known when it was.
    In front of real money stands the interlock, which misses a known origin until a run or an operator brings it.
    """
    is_replay = settings.book.kind is BookKind.REPLAY
    calendar = NyseCalendar()
    services = Services(
        store=PostgresStore(
            settings.database_url, read_url=settings.read_database_url, halt_flag=HaltFlag(settings.halt_file)
        ),
        calendar=calendar,
        clock=SystemClock(),
        sources=Sources() if is_replay else _sources(settings, calendar, is_history=is_history),
        broker=None if is_replay else _broker(settings),
        source_delay_minutes=settings.source_delay_minutes,
        daily_pricing=settings.daily_pricing,
        code_hash=code_hash(),
        live=live_terms(settings),
        approval_above_usd=settings.approval_above_usd,
        statements=None if is_replay else _statements(settings),
        keep_replies_days=settings.keep_replies_days,
        costs=costs_of(settings),
        account_type=settings.account_type,
        taxpayer=_taxpayer(settings.taxpayer),
        client_category=settings.client_category,
        model_files=StateModelFiles(settings.state_dir / "models"),
        tidying=None if is_replay else StateTidying(settings.state_dir),
        trainer=SklearnTrees(),
        report_files=StateReportFiles(settings.state_dir / "reports"),
    )
    return guarded(services, settings.book) if settings.mode is Mode.LIVE else services


def _taxpayer(given: TaxpayerSettings) -> Taxpayer:
    return Taxpayer(given.books, TaxRules(given.iras, given.groups, given.exempt))


def costs_of(settings: Settings) -> CostModel:
    """Return what a simulated fill costs: in a replay, and at the paper gateway."""
    return CostModel(settings.half_spread_bps / 10_000, SCHEDULES[settings.commission])


def verdict_files_of(settings: Settings) -> VerdictFiles:
    """Return the files in which in-process replays keep their verdicts."""
    return VerdictFiles(settings.state_dir / "replays")


def live_terms(settings: Settings) -> LiveTerms:
    """Return what the settings say about real money."""
    return LiveTerms(
        is_live_mode=settings.mode is Mode.LIVE,
        armed_account=settings.live_armed,
        account=settings.broker_account,
        origin=RunOrigin(under_test=settings.under_test),
    )


def searcher_for(plan: Plan) -> Searcher:
    """Return a new searcher of the kind that `plan` names."""
    if plan.searcher is SearcherName.GRID:
        return GridSearcher(plan)
    from trading.adapters.optuna_searcher import OptunaSearcher

    return OptunaSearcher(plan)


def _sources(settings: Settings, calendar: NyseCalendar, *, is_history: bool) -> Sources:
    if settings.sources is SourceKind.VENDORS:
        # Vendors' client libraries take a while to load, and a desk on stored rows does not need them.
        from trading.adapters.http.redaction import register_secret
        from trading.adapters.sources.combined import OwnBroker, vendor_sources

        for secret in secrets_of(settings):
            register_secret(secret)
        calls = PostgresCallLedger(settings.database_url, keeps_replies=settings.keep_replies_days > 0)
        own = OwnBroker(
            settings.broker_host, settings.broker_port, settings.broker_client_id, _stored_actions(settings)
        )
        return vendor_sources(
            settings.vendors, calendar, SystemClock(), calls,
            universe=spec_named(settings.strategy).universe, is_history=is_history,
            broker=own if settings.has_own_broker and not _looks_live_on_paper(settings) else None,
        )  # fmt: skip
    if settings.sources is not SourceKind.SYNTHETIC:
        return Sources()
    return synthetic_sources(SyntheticMarket(settings.synthetic_seed, calendar))


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return every secret that the settings hold: whatever a vendor or a library says of one is removed."""
    keys = tuple(str(getattr(settings.vendors, held.name)) for held in fields(VendorSettings) if not held.repr)
    written = [_password_in(url) for url in (settings.database_url, settings.read_database_url)]
    # A short one may be a word, which would be torn out of headlines and log lines that mean nothing by it.
    passwords = [word for text in written for word in (text, unquote(text)) if len(word) >= LONG_PASSWORD]
    return tuple(filter(None, (*keys, settings.flex_token, settings.telegram.token, *passwords)))


def _password_in(url: str) -> str:
    # By hand, because `urlsplit` raises at brackets in a password, with what is between them.
    return url.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")[2]


def _stored_actions(settings: Settings) -> Callable[[Symbol], Sequence[CorporateAction]]:
    store, clock = PostgresStore(settings.database_url), SystemClock()

    def read(symbol: Symbol) -> Sequence[CorporateAction]:
        with store.transaction() as tx:
            return [action for action in tx.market.actions(cutoff_at=clock.now()) if action.symbol == symbol]

    return read


def _broker(settings: Settings) -> BrokerGate | None:
    if not settings.broker_port:
        return None
    # A broker's adapter takes a while to load, and a replay has none.
    from trading.adapters.ibkr import IbkrGate

    is_paper = settings.mode is not Mode.LIVE
    if fault := _looks_live_on_paper(settings):
        return RefusedGate(fault)
    return IbkrGate(
        host=settings.broker_host,
        port=settings.broker_port,
        client_id=settings.broker_client_id,
        account=settings.broker_account,
        control_port=(settings.gateway_control_port or None) if is_paper else None,
        is_paper=is_paper,
        restart_at=settings.gateway_restart_at,
    )


def _looks_live_on_paper(settings: Settings) -> str | None:
    """Return why a desk that trades on paper must not even connect there, or None."""
    if settings.mode is Mode.LIVE:
        return None
    account = settings.broker_account
    if settings.broker_port in LIVE_PORTS:
        found = f"AIRDESK_BROKER_PORT={settings.broker_port} is a port of real money"
    elif account and not account.startswith(PAPER_PREFIX):
        found = f"AIRDESK_BROKER_ACCOUNT={account} is no paper account ({PAPER_PREFIX}…)"
    else:
        return None
    return (
        f"{found}, but AIRDESK_MODE is {settings.mode}; nothing was sent, correct the setting. Real money "
        "needs all of: " + "; ".join(CONDITIONS)
    )


def _statements(settings: Settings) -> StatementSource | None:
    given = (settings.flex_url, settings.flex_token, settings.flex_query)
    if not any(given):
        return None
    if not all(given):
        raise ConfigurationError("statements need AIRDESK_FLEX_URL, AIRDESK_FLEX_TOKEN and AIRDESK_FLEX_QUERY together")
    # HTTP and XML libraries take a tenth of a second to load, and only the night needs them.
    from trading.adapters.flex import FlexStatements

    return FlexStatements(*given, account=settings.broker_account)
