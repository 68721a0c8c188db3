"""Every command of `./airdesk` in one line: where it lives and what it does.

The help is made of this, so that it loads none of the modules. A command of its own needs a module with
`register(subparsers)`, its line here and its examples in `lessons`; a test compares all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

START = "start here"
LOOK = "look at the desk"
SWITCH = "decide for the desk"
BOOKS = "books and taxes"
DATA = "data"
RESEARCH = "what would it have done"
PARTS = "the parts, one by one"

GROUPS = (START, LOOK, SWITCH, BOOKS, DATA, RESEARCH, PARTS)
"""Headings of the help, in this order."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One command.

    Attributes:
        group: heading under which the help lists it.
        module: below `trading.entrypoints`; its `register` adds the command.
        text: what it does, in a few words.
    """

    group: str
    module: str
    text: str


COMMANDS: Mapping[str, Listed] = MappingProxyType(
    {
        "demo": Listed(START, "demo", "show the whole desk on a synthetic market"),
        "up": Listed(START, "up", "run the desk until Ctrl-C"),
        "down": Listed(START, "up", "stop the desk of this checkout"),
        "health": Listed(START, "cli_health", "how the desk stands now"),
        "doctor": Listed(START, "doctor", "check this installation"),
        "positions": Listed(LOOK, "cli_desk", "open positions with their protection"),
        "orders": Listed(LOOK, "cli_desk", "newest orders"),
        "fills": Listed(LOOK, "cli_desk", "newest fills"),
        "why": Listed(
            LOOK,
            "cli_explain",
            "every rule's verdict for a symbol, what would turn it, its orders and its position",
        ),
        "near-misses": Listed(LOOK, "cli_explain", "symbols that one rule, or little, kept out"),
        "explain": Listed(LOOK, "cli_explain", "a whole decision, judged again from its stored inputs"),
        "risk": Listed(LOOK, "cli_risk", "drawdown, breaker, VIX regime, sectors against their bands, correlations"),
        "locks": Listed(
            LOOK,
            "cli_locks",
            "what keeps entries out now: of the book or of a symbol, since when, until when and why",
        ),
        "messages": Listed(LOOK, "cli_messages", "what people were told, what waits and why, youngest first"),
        "state": Listed(LOOK, "cli_controls", "trading state of the book"),
        "halt": Listed(
            SWITCH,
            "cli_controls",
            "send nothing new, take back entries and exits, verify every protection",
        ),
        "reduce": Listed(SWITCH, "cli_controls", "allow exits only, take back entries"),
        "resume": Listed(SWITCH, "cli_controls", "trade again, once the books equal the broker's"),
        "lock": Listed(SWITCH, "cli_controls", "cancel everything, protections too, and send nothing at all"),
        "unlock": Listed(SWITCH, "cli_controls", "turn a locked book into a halted one"),
        "flatten": Listed(SWITCH, "cli_controls", "sell every position"),
        "approve": Listed(SWITCH, "cli_approve", "show the orders that wait for a person, and answer"),
        "rebalance": Listed(SWITCH, "cli_risk", "what a rebalance changes"),
        "ban": Listed(SWITCH, "cli_locks", "buy nothing of a symbol until a day; what is held is sold as ever"),
        "unban": Listed(SWITCH, "cli_locks", "take a symbol off the restricted list"),
        "preflight": Listed(
            SWITCH,
            "cli_locks",
            "ask the broker whether this account may buy each symbol of the strategy; nothing is ordered",
        ),
        "arm": Listed(SWITCH, "cli_live", "permit real money until the end of the session"),
        "report": Listed(BOOKS, "cli_report", "a day, a week, a rebalance, a year, a replay: as page and picture"),
        "reconcile": Listed(BOOKS, "cli_reconcile", "compare the book with the broker; look at and settle breaks"),
        "tax": Listed(BOOKS, "cli_tax", "lots, wash sales, Form 8949, income: US rules, not advice"),
        "data": Listed(DATA, "cli_data", "import your own files; show what is stored"),
        "replay": Listed(RESEARCH, "cli_replay", "replay stored history through the code that trades"),
        "model": Listed(RESEARCH, "cli_model", "train, judge and promote models"),
        "gateway": Listed(PARTS, "cli_gateway", "serve the paper gateway (SIMULATED)"),
        "bot": Listed(PARTS, "cli_bot", "listen to Telegram; ./airdesk up starts it where a token is set"),
        "airflow": Listed(PARTS, "cli_airflow", "Airflow's own commands, e.g. airflow backfill create"),
        "sender": Listed(
            PARTS, "cli_messages", "send what waits to Telegram until Ctrl-C; ./airdesk up does it by itself"
        ),
        "watchdog": Listed(
            PARTS, "cli_health", "tell when the desk is silent in session; ./airdesk up does it by itself"
        ),
        "drill": Listed(PARTS, "cli_drill", "fault drills: kill, halt, restore, soak"),
        "backup": Listed(PARTS, "cli_backup", "write the desk into one file while it runs"),
        "restore": Listed(PARTS, "cli_backup", "bring a backup back; every book starts halted"),
        "migrate": Listed(PARTS, "migrate", "apply database migrations"),
        "test": Listed(PARTS, "testing", "run the tests"),
        "completion": Listed(PARTS, "cli_completion", "print what completes commands in bash, zsh or fish"),
    }
)
"""In the order in which the help lists them."""
