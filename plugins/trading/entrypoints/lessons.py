"""What the help teaches about each command: examples that run, exit codes of its own, and where to go next.

Keys are commands as people type them. Tests hold this to be total, and parse each example with the real parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trading.entrypoints.exits import Exit


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a command is used.

    Attributes:
        examples: command lines without `./airdesk`.
        then: a sentence with the next step; "" for none.
        exits: codes that mean something particular here.
        keys: of the object that `--json` prints; () where it prints something else, or nothing.
    """

    examples: tuple[str, ...]
    then: str = ""
    exits: Mapping[Exit, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


def _of(*examples: str, then: str = "", exits: Mapping[Exit, str] | None = None, keys: str = "") -> Lesson:
    return Lesson(examples, then, exits or {}, tuple(keys.split()))


_DIFFERS = {Exit.FOUND: "something is not equal"}
_CODE = {Exit.ACT: "nothing was done yet: it shows the effect and gives a one-time code"}
_BREAKS = {Exit.ACT: "book and broker differ, or an older break is open"}
_YEARS = "--from 2016-01-04 --to 2023-12-29"

LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {
        "demo": _of("demo", "demo --exit", then="In another terminal: ./airdesk why NVDA"),
        "up": _of("up", then="Open the address that it prints, or ./airdesk doctor in another terminal."),
        "down": _of("down"),
        "health": _of(
            "health",
            "health --json",
            then="./airdesk doctor looks at the installation.",
            exits={Exit.ACT: "something fails; its line names the next action"},
            keys="status at findings",
        ),
        "doctor": _of(
            "doctor",
            "doctor --online",
            "doctor --security",
            "doctor --live",
            "doctor --json",
            then="Each line that is not ok names its next action.",
            exits={Exit.ACT: "a check failed, or with --live a condition is not met"},
        ),
        "positions": _of(
            "positions",
            "positions --json",
            then="./airdesk why SYMBOL says why one is held or not.",
            keys="book badge cash_usd nav positions protection",
        ),
        "orders": _of("orders", "orders --limit 100", "orders --json", keys="book badge orders denials"),
        "fills": _of("fills", "fills --limit 5", "fills --json", keys="book badge fills"),
        "messages": _of(
            "messages",
            "messages --limit 100 --json",
            then="./airdesk doctor says whether a sender is set up.",
            keys="problem messages",
        ),
        "why": _of(
            "why NVDA",
            "why NVDA --at 2026-11-19T15:30+00:00",
            "why NVDA --json",
            then="./airdesk near-misses says what nearly got in.",
        ),
        "near-misses": _of("near-misses", "near-misses --days 30", "near-misses --json"),
        "explain": _of(
            "explain hourly.20261119T1530.demo:default",
            "explain hourly.20261119T1530.demo:default --json",
            then="./airdesk why SYMBOL prints the id of the newest decision.",
            exits=_DIFFERS,
        ),
        "risk": _of(
            "risk",
            "risk --at 2026-11-19T15:30+00:00",
            "risk --json",
            keys="book badge risk phase correlation_of_book mean_correlations",
        ),
        "locks": _of(
            "locks",
            "locks --json",
            then="./airdesk unban SYMBOL takes a ban back; other locks end by themselves.",
            keys="book badge locks",
        ),
        "state": _of("state", "state --json", keys="book badge state reason is_flag_raised"),
        "halt": _of(
            "halt",
            "halt --reason 'news of a data fault'",
            then="./airdesk resume --reason … trades again.",
            exits={Exit.ACT: "something still works at the broker or could not be verified; the screen names it"},
        ),
        "reduce": _of(
            "reduce --reason 'before the holiday'",
            exits={Exit.ACT: "something could not be taken back or verified; the screen names it"},
        ),
        "resume": _of(
            "resume --reason 'books compared'",
            "resume --reduce-only --reason 'exits first'",
            then="Refused while books differ: ./airdesk reconcile list",
        ),
        "lock": _of("lock --reason 'account under review'", "lock --code 123456", exits=_CODE),
        "unlock": _of("unlock --reason 'review done'", "unlock --code 123456", exits=_CODE),
        "flatten": _of("flatten --reason 'leaving the market'", "flatten --code 123456", exits=_CODE),
        "approve": _of("approve", "approve --yes", "approve --no", "approve --json", keys="questions"),
        "rebalance preview": _of(
            "rebalance preview",
            "rebalance preview --at 2026-10-01T14:30+00:00",
            "rebalance preview --json",
            keys="book badge is_stored preview",
        ),
        "ban": _of("ban TSLA --until 2026-12-31 --reason 'earnings'"),
        "unban": _of("unban TSLA --reason 'reported'"),
        "preflight": _of(
            "preflight",
            "preflight --json",
            exits={Exit.ACT: "the broker refuses something that the desk would order"},
            keys="book badge client_category answers",
        ),
        "arm": _of(
            "arm", "arm --code 123456", exits={Exit.ACT: "a condition is not met, or the code is still to be given"}
        ),
        "reconcile list": _of(
            "reconcile list",
            "reconcile list --all",
            "reconcile list --json",
            then="./airdesk reconcile show ID says what adopting or resolving one would change.",
            keys="book badge open closed held last_clean_at parity",
        ),
        "reconcile show": _of("reconcile show 12", "reconcile show 12 --json", keys="book badge found effects"),
        "reconcile adopt": _of(
            "reconcile adopt 12 --reason 'bought by hand in TWS'",
            "reconcile adopt 13 --as dividend --reason 'paid today'",
        ),
        "reconcile resolve": _of("reconcile resolve 12 --reason 'the broker corrected it'"),
        "reconcile run": _of(
            "reconcile run",
            "reconcile run --json",
            exits=_BREAKS,
            keys="book badge at differences older_breaks positions notes",
        ),
        "report daily": _of(
            "report daily",
            "report daily 2026-11-25 --out reports --png",
            "report daily --json",
            then="The night writes the same page into the state folder's reports/ and sends the picture.",
            keys="name title badge said figures beware parts",
        ),
        "report weekly": _of(
            "report weekly",
            "report weekly 2026-11-25 --out reports --png",
            "report weekly --json",
            keys="name title badge said figures beware parts",
        ),
        "report rebalance": _of(
            "report rebalance",
            "report rebalance --at 2026-10-01T14:30+00:00 --out reports",
            "report rebalance --json",
            keys="name title badge said figures beware parts",
        ),
        "report reconcile": _of(
            "report reconcile",
            "report reconcile 2026-11-25 --out reports",
            "report reconcile --json",
            then="./airdesk reconcile show ID says what adopting or resolving a break would do.",
            keys="name title badge said figures beware parts",
        ),
        "report tax": _of(
            "report tax 2026",
            "report tax 2026 --out reports --png",
            "report tax 2026 --json",
            then="./airdesk tax 8949 2026 --out DIR writes the rows as CSV.",
            keys="name title badge said figures beware parts",
        ),
        "report parity": _of(
            "report parity",
            "report parity 2026-11-25 --out reports",
            "report parity --json",
            keys="name title badge said figures beware parts",
        ),
        "report replay": _of(
            "report replay run-1",
            "report replay run-1 --out reports --png",
            "report replay run-1 --json",
            then="./airdesk replay run --report DIR writes more, from the replay itself.",
            keys="name title badge said figures beware parts",
        ),
        "tax lots": _of("tax lots 2026", "tax lots 2026 --out taxes"),
        "tax wash": _of("tax wash 2026", "tax wash 2026 --json"),
        "tax 8949": _of("tax 8949 2026", "tax 8949 2026 --out taxes"),
        "tax income": _of("tax income 2026", "tax income 2026 --json"),
        "tax tie-out": _of(
            "tax tie-out 2026", exits={Exit.ACT: "what was worked out anew differs from what is stored"}
        ),
        "tax method": _of(
            "tax method", "tax method hifo --since 2027-01-01", "tax method --json", keys="book badge methods"
        ),
        "data import bars": _of("data import bars bars.csv --resolution 1d --adjustment split"),
        "data import vix": _of("data import vix vix.csv"),
        "data import news": _of("data import news news.csv --map headline=title"),
        "data import fundamentals": _of("data import fundamentals filings.csv"),
        "data import earnings": _of("data import earnings earnings.csv"),
        "data import splits": _of("data import splits splits.csv"),
        "data import dividends": _of("data import dividends dividends.csv"),
        "data import cpi": _of("data import cpi cpi.csv"),
        "data import gpr": _of("data import gpr gpr.csv"),
        "data pull": _of(
            "data pull NVDA --from 2025-01-02 --dry-run",
            "data pull NVDA --from 2025-01-02",
            exits={Exit.WAIT: "a quota ended; the same command goes on later"},
        ),
        "data status": _of("data status", "data status --json", keys="bars missing counts parked sources is_synthetic"),
        "data gaps": _of("data gaps NVDA --from 2026-01-02", "data gaps NVDA --from 2026-01-02 --json", keys="gaps"),
        "data as-of": _of(
            "data as-of NVDA 2026-11-20T15:45Z",
            "data as-of NVDA 2026-11-20T15:45Z --json",
            keys="symbol at bars filings earnings actions metals news",
        ),
        "data release": _of(
            "data release TSLA jump_without_split --why 'earnings, seen at the exchange'",
            then="./airdesk data status says which gate holds which symbol.",
        ),
        "replay run": _of(
            "replay run --from 2026-06-01 --to 2026-11-20",
            f"replay run {_YEARS} --strategy technical_core --report report",
            then="./airdesk replay show NAME, or ./airdesk why SYMBOL --book replay:NAME",
        ),
        "replay list": _of("replay list", "replay list --json"),
        "replay show": _of("replay show run-1", "replay show run-1 --trades 50 --json"),
        "replay compare": _of("replay compare run-1 run-2"),
        "replay delete": _of("replay delete run-1"),
        "replay parity": _of(
            "replay parity 2026-11-25",
            "replay parity --history 20",
            "replay parity 2026-11-25 --json",
            exits={**_DIFFERS, Exit.NOTHING: "the day has nothing to compare"},
        ),
        "replay search": _of(f"replay search rsi {_YEARS} --set rsi_entry=60..80:5"),
        "replay walk-forward": _of(f"replay walk-forward rsi-ahead {_YEARS} --set rsi_entry=60..80:5"),
        "replay lookahead": _of(
            "replay lookahead --from 2026-06-01 --to 2026-11-20",
            exits={Exit.FOUND: "a decision changes when its future does"},
        ),
        "replay warmup": _of(
            "replay warmup --from 2026-06-01 --to 2026-11-20",
            exits={Exit.FOUND: "an indicator or a verdict needs more history than it gets"},
        ),
        "replay audit": _of(
            "replay audit --from 2026-06-01 --to 2026-11-20", exits={Exit.FOUND: "a promise of the strategy was broken"}
        ),
        "model list": _of("model list", "model list --json", keys="models events heard"),
        "model show": _of("model show MODEL-ID", "model show MODEL-ID --json", keys="model is_heard helped"),
        "model train": _of("model train", "model train --through 2026-09-30"),
        "model promote": _of("model promote MODEL-ID", "model promote MODEL-ID --yes"),
        "model rollback": _of("model rollback --reason 'drifted'"),
        "model evaluate": _of(f"model evaluate {_YEARS}"),
        "model train-sentiment": _of("model train-sentiment --data labelled.csv"),
        "gateway": _of(
            "gateway",
            "gateway --port 4002 --clock 2026-11-19T15:30+00:00",
            then="Any program that speaks the protocol of TWS can connect; docs/gateway.md has the faults.",
        ),
        "bot": _of(
            "bot",
            then="docs/telegram.md sets it up step by step.",
            exits={Exit.WAIT: "another process reads the updates of this bot already; the sentence says which one"},
        ),
        "airflow": _of("airflow dags list", "airflow backfill create --help"),
        "watchdog": _of(
            "watchdog",
            "watchdog --once",
            exits={Exit.ACT: "with --once: something was told"},
        ),
        "drill kill": _of(
            "drill kill --kills 20",
            "drill kill --kills 20 --mode two-copies",
            exits={Exit.ACT: "an invariant did not hold"},
        ),
        "drill halt": _of("drill halt --rounds 5", exits={Exit.ACT: "something was sent after a halt"}),
        "drill soak": _of(
            "drill soak --sessions 3 --seed 7",
            "drill soak --sessions 3 --seed 7 --plan",
            exits={Exit.ACT: "a promise was broken; the lines say which, where, and how to run it again"},
        ),
        "sender": _of(
            "sender",
            exits={
                Exit.ACT: "AIRDESK_TELEGRAM_TOKEN is not set or not understood",
                Exit.WAIT: "another copy sends already; the sentence names it",
            },
        ),
        "drill restore": _of("drill restore --seed 3", exits={Exit.ACT: "something is not as it was"}),
        "backup": _of(
            "backup",
            "backup --airflow --out desk.zip",
            then="Keep the file, and the secrets that it names, on another machine.",
        ),
        "restore": _of(
            "restore desk.zip --check",
            "restore desk.zip",
            then="./airdesk up, then ./airdesk reconcile list, then ./airdesk resume.",
        ),
        "migrate": _of("migrate", "migrate --check", exits={Exit.ACT: "with --check: a migration is pending"}),
        "test": _of("test", "test --unit", "test tests/unit/strategy"),
        "completion": _of("completion bash", "completion zsh", "completion fish"),
    }
)
