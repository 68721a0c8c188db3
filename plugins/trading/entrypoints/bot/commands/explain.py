"""/explain: a decision as a matrix, judged again from its stored inputs."""

from __future__ import annotations

from functools import partial

from trading.bootstrap import strategy_of
from trading.domain.decisions import DecisionKind
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say, table
from trading.errors import PermanentError
from trading.reporting.explain_tables import decision_lines, targets_line
from trading.reporting.verdicts import verdict_rows
from trading.reporting.wording import counted, first_hour
from trading.tasks.explain import recompute


def run(ask: Ask) -> Reply:
    """Show a whole decision, the newest one unless it is named."""
    ask.most(1)
    with ask.services.store.snapshot() as tx:
        decision = tx.decisions.get(ask.words[0]) if ask.words else tx.decisions.newest(ask.book, DecisionKind.HOURLY)
        if decision is None and not ask.words:
            raise PermanentError(f"{ask.book} has no decision yet; {first_hour(ask.book)}")
        if decision is None:
            raise PermanentError("there is no such decision; /why SYMBOL says the id of the newest one")
        again = recompute(ask.services, tx, decision, partial(strategy_of, ask.desk.settings))
        rows = verdict_rows(tx.decisions.reasons(decision.decision_id))
        targets = tx.decisions.targets(decision)
    marks = []
    for symbol in dict.fromkeys(row.symbol for row in rows):
        against = [row.rule for row in rows if row.symbol == symbol and row.is_in_the_way]
        marks.append((symbol, "may enter" if not against else ", ".join(against)))
    equal = f"Judged again: {counted(again.count, 'verdict')} and the hash are equal."
    verdict = equal if not again.differences else f"Judged again, {len(again.differences)} things are NOT equal."
    head = [say(line) for line in decision_lines(decision)]
    body = table(marks, ("symbol", "in the way"), left=2)
    return Reply(
        (*head, body, say(targets_line(targets)), say(verdict)), more=f"./airdesk explain {decision.decision_id}"
    )


COMMAND = Command("explain", "a whole decision, judged again", run, arguments="[DECISION]")
