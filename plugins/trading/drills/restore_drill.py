"""`airdesk drill restore`: a desk with a history is backed up, destroyed and restored, and every row compared.

Twice: once when all was quiet, so that it must trade again; and once when orders were sent after the backup, so that it
must send nothing and stay halted until a person has looked.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trading.adapters.backup import Archive, BackupPlan, make_backup, restore_backup
from trading.adapters.backup.rows import snapshot_of, sorted_rows
from trading.domain.market import Slot
from trading.domain.portfolio import TradingState
from trading.drills.databases import DrillDatabases, dropped
from trading.drills.world import BOOK, World, running_world, slots, spec
from trading.tasks.resuming import obstacles

HOURS_BEFORE = 4
KEYS = {"quiet": "a key of the drill, and of no desk", "lost": ""}
"""What each backup is encrypted with: one is, the other is not."""
STATE_FILE = Path("models") / "drill.json"
ADDED = {"ops.controls": 1, "ops.outbox": 1}
"""Rows that a restore writes: the halt of the book, and the message that says so. No book of the drill was armed."""
VOID = frozenset({"ops.bot_backtests", "ops.bot_intents", "ops.operator_codes", "ops.outbox"})
"""Tables with rows that a restore changes on purpose: codes and messages of back then are void."""


@dataclass(slots=True)
class RestoreDrill:
    """What was found.

    Attributes:
        tables, rows: compared, row by row. orders: that the gateway had when the desk was destroyed.
        lost: those among them that the backup did not know.
    """

    tables: int = 0
    rows: int = 0
    orders: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


def run_restore(databases: DrillDatabases, *, seed: int, folder: Path, at: datetime) -> RestoreDrill:
    """Run the drill in a world of its own; `folder` takes the backups and the log, `at` is written into them."""
    done = RestoreDrill()
    with running_world(databases, seed, log_file=folder / "restore.log") as world:
        _Restoring(world, done, folder, at).run()
    return done


class _Restoring:
    def __init__(self, world: World, done: RestoreDrill, folder: Path, at: datetime) -> None:
        self._world, self._done, self._at = world, done, at
        self._state, self._backups = folder / "state", folder / "backups"
        for old in (self._state, self._backups):
            shutil.rmtree(old, ignore_errors=True)

    def run(self) -> None:
        hours = slots()
        (self._state / STATE_FILE).parent.mkdir(parents=True)
        (self._state / STATE_FILE).write_text("{}", encoding="utf-8")
        for slot in hours[:HOURS_BEFORE]:
            self._trade(slot)
        self._quiet()
        lost, after = hours[HOURS_BEFORE], hours[HOURS_BEFORE + 1]
        self._lost_hour(lost, after)

    def _trade(self, slot: Slot) -> None:
        world = self._world
        world.sync(world.services, spec(), BOOK, slot)
        world.decide(slot)
        world.execute(world.services, spec(), BOOK, slot)

    def _quiet(self) -> None:
        """Nothing happened after the backup: all rows are there, and the book trades again after a clean comparison."""
        before = _rows(self._world.url)
        self._back_up("quiet")
        self._destroy()
        self._restore("quiet")
        after = _rows(self._world.url)
        self._done.tables, self._done.rows = len(before), sum(map(len, before.values()))
        self._done.broken += differences(before, after)
        self._expect_halted()
        found = obstacles(self._world.services, spec(), BOOK)
        self._done.broken += [f"nothing happened since the backup, yet: {words}" for words in found]
        with self._world.services.store.transaction() as tx:
            tx.controls.set_state(BOOK, TradingState.ACTIVE, reason="restore drill", actor="drill")

    def _lost_hour(self, lost: Slot, after: Slot) -> None:
        """Orders were sent after the backup: none is sent again, and the book stays halted."""
        self._back_up("lost")
        known = len(self._world.log().orders)
        self._trade(lost)
        before = self._world.log().orders
        self._done.orders, self._done.lost = len(before), len(before) - known
        self._destroy()
        self._restore("lost")
        for slot in (lost, after):
            self._world.sync(self._world.services, spec(), BOOK, slot)
            self._world.decide(slot)
            self._world.execute(self._world.services, spec(), BOOK, slot)
        refs = [order.order_ref for order in self._world.log().orders]
        sent = refs[len(before) :]
        twice = {str(ref) for ref in refs if refs.count(ref) > 1}
        self._done.broken += [f"sent after the restore: {ref}" for ref in sent]
        self._done.broken += [f"sent twice: {ref}" for ref in sorted(twice)]
        self._expect_halted()
        if self._done.lost and not obstacles(self._world.services, spec(), BOOK):
            self._done.broken.append("orders that the backup does not know do not keep the book halted")

    def _back_up(self, name: str) -> None:
        plan = BackupPlan(self._world.url, self._state, "paper", key=KEYS[name])
        make_backup(plan, self._backups / f"{name}.zip", at=self._at, say=lambda _: None)

    def _destroy(self) -> None:
        dropped(self._world.url)
        shutil.rmtree(self._state)

    def _restore(self, name: str) -> None:
        with Archive(self._backups / f"{name}.zip", key=KEYS[name]) as archive:
            restore_backup(archive, self._world.url, self._state, at=self._at, replaces=False)
        if not (self._state / STATE_FILE).is_file():
            self._done.broken.append(f"{STATE_FILE} did not come back")

    def _expect_halted(self) -> None:
        with self._world.services.store.transaction() as tx:
            state = tx.controls.trading_state(BOOK)
        if state is not TradingState.HALTED:
            self._done.broken.append(f"the book is {state} after a restore, not HALTED")


def _rows(url: str) -> dict[str, list[bytes]]:
    with snapshot_of(url) as connection:
        return sorted_rows(connection)


def differences(before: Mapping[str, list[bytes]], after: Mapping[str, list[bytes]]) -> Iterator[str]:
    """Yield a sentence for each table that is not what it was, what a restore writes on purpose aside."""
    if set(before) != set(after):
        yield f"tables differ: {', '.join(sorted(set(before) ^ set(after)))}"
    for table in sorted(set(before) & set(after)):
        gone = len(set(before[table]) - set(after[table]))
        more = len(after[table]) - len(before[table]) - ADDED.get(table, 0)
        if (gone and table not in VOID) or more:
            yield f"{table}: {gone} of {len(before[table])} rows differ, {more:+d} in number"
