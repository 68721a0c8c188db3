"""Orders above a limit wait for a person; ways out of risk and unflagged orders never do. No answer in time is a no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.messages import MessageKind
from trading.domain.orders import Order, OrderPurpose, Side
from trading.domain.people import Role
from trading.domain.rebalances import Preview
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.execution.checks import Denial
from trading.ports import Services
from trading.ports.approvals import Answer
from trading.ports.bot import APPROVAL, Proposal
from trading.tasks.book_history import NEW_YORK
from trading.tasks.submission import Submission

CODE = "APPROVAL"
BOT_ACCOUNT = "bot"
"""Airflow's account under which the bot on Telegram answers."""
MOST_BODY = 3000
"""Characters of the question in a message; all of it is in the UI."""
ASKED = frozenset({OrderPurpose.ENTRY, OrderPurpose.REBALANCE})
"""What may wait: entries, and sales that no risk asks for."""
WAIT = timedelta(minutes=15)
"""How long a person has."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person is asked.

    Attributes:
        body: each order in shares, dollars and reasons, one paragraph each.
        expires_at: from then on it is a no.
    """

    decision_id: str
    subject: str
    body: str
    expires_at: datetime

    @property
    def plain_body(self) -> str:
        """Return the body without the marks that the UI turns into type."""
        return plain(self.body)


def plain(body: str) -> str:
    """Return what is asked without the marks that the UI turns into type."""
    return body.replace("```\n", "").replace("\n```", "").replace("**", "")


def settle(services: Services, book: BookId, slot: Slot, kind: DecisionKind, answer: Answer, *, by: str | None) -> int:
    """Store one answer for everything that waits; how many orders it was for."""
    with services.store.transaction() as tx:
        decision = tx.decisions.find(book, kind, slot.as_of)
        if decision is None:
            return 0
        return tx.approvals.answer(decision.decision_id, answer, by=by, at=services.clock.now())


def request_for(services: Services, book: BookId, slot: Slot, kind: DecisionKind) -> Request | None:
    """Return what a person is asked about a decision; None when nothing waits."""
    with services.store.transaction() as tx:
        decision = tx.decisions.find(book, kind, slot.as_of)
        waiting = tx.approvals.waiting(decision.decision_id) if decision else ()
        if decision is None or not waiting:
            return None
        orders = [order for w in waiting if (order := tx.orders.get(w.order_id)) is not None]
        preview = tx.risk.preview(decision.decision_id)
        texts = [] if preview is None else ["\n".join(("```", *preview.lines(), "```"))]
        texts += [_paragraph(o, tx.decisions.reasons(decision.decision_id, o.symbol)) for o in orders]
    return Request(decision.decision_id, _subject(decision, orders, preview), "\n\n".join(texts), waiting[0].expires_at)


def tell_people(services: Services, book: BookId, request: Request, task: tuple[str, str, str]) -> None:
    """Put the question into the outbox with its two buttons, once while it waits.

    Args:
        task: DAG, run and task that wait for the answer.
    """
    left = (request.expires_at - services.clock.now()).total_seconds()
    with services.store.transaction() as tx:
        if left <= 0 or tx.bot.is_waiting(book, APPROVAL, request.decision_id):
            return
        proposal = Proposal(book, APPROVAL, task, Role.OPERATE, left, subject=request.decision_id)
        yes, no = tx.bot.propose(proposal)
        end = f"{request.expires_at.astimezone(NEW_YORK):%H:%M} New York"
        until = f"Nobody answers until {end}: it is a no."
        tx.controls.notify(
            dedupe_key=f"approval:{yes}", book=book, kind=MessageKind.APPROVAL,
            body="\n\n".join((request.subject, request.plain_body[:MOST_BODY], until)),
            buttons=((("Approve", yes), ("Reject", no)),),
        )  # fmt: skip


def answered_by(services: Services, book: BookId, slot: Slot, kind: DecisionKind, account: str) -> str:
    """Return who answered, by the name that is kept: the person behind the bot's account, where it was the bot."""
    if account == BOT_ACCOUNT:
        with services.store.transaction() as tx:
            decision = tx.decisions.find(book, kind, slot.as_of)
            person = None if decision is None else tx.bot.answerer(book, APPROVAL, decision.decision_id)
        if person is not None:
            return person
    return f"airflow:{account}"


def holds_back(services: Services, desk: Submission, family: Sequence[Order]) -> bool:
    """Return whether a family stays behind: it waits for a person, or the answer was no and it is denied here."""
    entry, limit_usd = family[0], services.approval_above_usd
    if limit_usd is None or entry.purpose not in ASKED:
        return False
    worth = worth_usd(entry)
    if entry.purpose is OrderPurpose.REBALANCE:
        worth = _worth_in_preview(services, entry)
    if worth <= limit_usd:
        return False
    now = services.clock.now()
    with services.store.transaction() as tx:
        request = tx.approvals.ask(entry.order_id, at=now, expires_at=now + WAIT)
    if request.answer is Answer.APPROVED:
        return False
    if request.answer is None and now < request.expires_at:
        desk.notes.append(
            f"{entry.symbol}: {worth:,.2f} USD wait for a person until {request.expires_at:%H:%M} UTC; answer in the "
            "Airflow UI (Required Actions) or with ./airdesk approve"
        )
        return True
    if request.answer is None:
        with services.store.transaction() as tx:
            tx.approvals.answer(entry.decision_id, Answer.EXPIRED, by=None, at=now)
    words = f"{request.answered_by or 'a person'} said no" if request.answer is Answer.REJECTED else "nobody said yes"
    denial = Denial(CODE, words, worth, float(limit_usd))
    desk.deny(family, denial.text, (denial,))
    return True


def _worth_in_preview(services: Services, order: Order) -> float:
    with services.store.transaction() as tx:
        preview = tx.risk.preview(order.decision_id)
    return 0.0 if preview is None else preview.worth_usd(order.order_id)


def worth_usd(order: Order) -> float:
    """Return what an entry may cost at its limit [USD]; 0 for an order without a limit."""
    return float(order.quantity * order.limit_price) if order.limit_price is not None else 0.0


def _subject(decision: Decision, orders: Sequence[Order], preview: Preview | None) -> str:
    parts = []
    for side in (Side.SELL, Side.BUY):
        if some := [o for o in orders if o.side is side]:
            total = sum(worth_usd(o) or (preview.worth_usd(o.order_id) if preview else 0.0) for o in some)
            parts.append(f"{side.lower()} {', '.join(o.symbol for o in some)} for {total:,.2f} USD")
    return f"{decision.book.badge} {decision.book}: {' and '.join(parts)}?"


def _paragraph(order: Order, reasons: Sequence[Reason]) -> str:
    if order.limit_price is None:
        return f"**{order.symbol}**: {order.side.lower()} {order.quantity.normalize():f} shares at the market"
    terms = (
        f"buy {order.quantity.normalize():f} shares at up to {order.limit_price:.2f} USD, {worth_usd(order):,.2f} USD"
    )
    head = f"**{order.symbol}**: {terms}"
    rules = [r for r in reasons if r.role in (RuleRole.ENTRY_REQUIRED, RuleRole.ENTRY_OPTIONAL, RuleRole.SHRINK)]
    lines = [f"- {r.rule}: {r.outcome}{_numbers(r)}" for r in rules if r.outcome is not Outcome.ABSTAIN]
    return "\n".join([head, "", *lines]) if lines else head


def _numbers(reason: Reason) -> str:
    if reason.observed is None:
        return ""
    against = "" if reason.threshold is None else f" against {reason.threshold:.4g}"
    return f", {reason.observed:.4g}{against}"
