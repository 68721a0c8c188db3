"""/approve: the orders that wait for a person, with buttons. A yes or a no answers the waiting task of Airflow."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say
from trading.entrypoints.questions import Question, answer, waiting
from trading.errors import PermanentError
from trading.ports.bot import APPROVAL, Proposal
from trading.tasks.approval import WAIT, plain


def run(ask: Ask) -> Reply:
    """Show what waits, each with its buttons."""
    ask.most(0)
    found = waiting(ask.desk.airflow())
    if not found:
        return Reply.of("No order waits for a person.")
    blocks: list[str] = []
    taps = []
    for question in found:
        blocks += [f"<b>{say(question.subject)}</b>", say(plain(question.body))]
        # Not bound to a person: whoever has the role may answer, as with the message that the desk sends.
        words = (question.dag_id, question.run_id, question.task_id)
        proposal = Proposal(ask.book, APPROVAL, words, Role.OPERATE, WAIT.total_seconds())
        with ask.services.store.transaction() as tx:
            yes, no = tx.bot.propose(proposal)
        name = f" {question.run_id[-8:]}" if len(found) > 1 else ""
        taps.append(((f"Approve{name}", yes), (f"Reject{name}", no)))
    return Reply(tuple(blocks), taps=tuple(taps), more="./airdesk approve")


def act(ask: Ask) -> Reply:
    """Answer yes."""
    return _answered(ask, is_yes=True)


def decline(ask: Ask) -> Reply:
    """Answer no."""
    return _answered(ask, is_yes=False)


def _answered(ask: Ask, *, is_yes: bool) -> Reply:
    """Answer the waiting task, not within the seconds in which Airflow may lose an answer."""
    api = ask.desk.airflow()
    found = [q for q in waiting(api) if _is_it(q, ask.words)]
    if not found:
        gone = "The desk does not ask any more: somebody answered elsewhere, or the time is over. Nothing was changed."
        return Reply.of(gone)
    try:
        answer(api, found[0], is_yes=is_yes)
    except PermanentError:
        if any(_is_it(q, ask.words) for q in waiting(api)):
            raise
        return Reply.of("Somebody was faster, in the Airflow UI or by ./airdesk approve; nothing was changed.")
    said = "Approved: the orders are vetted again and sent." if is_yes else "Rejected: nothing of it is sent."
    return replace(Reply.of(said))


def _is_it(question: Question, words: tuple[str, ...]) -> bool:
    return (question.dag_id, question.run_id, question.task_id) == words[:3]


COMMAND = Command(
    APPROVAL, "orders that wait for a person, with buttons", run, Role.OPERATE, act=act, decline=decline, may_retry=True
)
