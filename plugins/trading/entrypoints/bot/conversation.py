"""What happens with an update: who it is from, whether it is new, what it asks, what a tap decides, and a row about it.

It knows nothing of Telegram's client: an update comes as `Heard` and leaves as `Answer`.
"""

from __future__ import annotations

import difflib
import logging
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trading.adapters.http.redaction import redact
from trading.domain.messages import MessageKind
from trading.domain.people import Role
from trading.entrypoints.bot.command import Act, Ask, Command, Desk, Person
from trading.entrypoints.bot.gate import ANSWERS, STRANGE, Heard, Refusal, judge, role_of
from trading.entrypoints.bot.registry import by_name
from trading.entrypoints.bot.reply import Reply, messages, say
from trading.errors import AirdeskError
from trading.ports.bot import Intent, IntentState, Proposal, read_tap

log = logging.getLogger(__name__)

CONFIRM_SECONDS = 60.0
"""How long an effect that was shown waits for its tap."""
STRANGER_ROWS = 20
"""Audit rows about one stranger in an hour; a flood of them says nothing new."""
LONGEST = 200
HALT = "halt"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back.

    Attributes:
        texts: HTML of new messages. buttons: below the last of them.
        toast: the word that a tap gets at once.
        edited: HTML that replaces the tapped message, without its buttons; "" leaves it.
    """

    texts: tuple[str, ...] = ()
    buttons: tuple[tuple[tuple[str, str], ...], ...] = ()
    picture: bytes | None = None
    document: tuple[str, bytes] | None = None
    toast: str = ""
    edited: str = ""


class Conversation:
    """The bot without its network. Its methods may be called from any thread.

    Args:
        bot_id: Telegram's id of the bot, whose updates are numbered by themselves. username: its name, for groups.
    """

    def __init__(self, desk: Desk, *, bot_id: int, username: str = "") -> None:
        self._desk, self._bot_id, self._username = desk, bot_id, username.lower()
        self._named = by_name(tuple(desk.commands))
        self._strangers: dict[tuple[int, datetime], int] = {}
        self._one_stranger = threading.Lock()

    # --- the gate ---------------------------------------------------------------------------------

    def admit(self, heard: Heard) -> Answer | None:
        """Return None for an update that may go on, else what is said to it (mostly nothing)."""
        telegram, store = self._desk.settings.telegram, self._desk.services.store
        why = judge(heard, telegram, datetime.now(UTC))
        if why is Refusal.CHATTER:
            return Answer()
        if why in STRANGE:
            self._note_stranger(heard, why)
            return Answer()
        with store.transaction() as tx:
            is_new = tx.bot.is_new(self._bot_id, heard.update_id)
        if not is_new:
            why = Refusal.REPLAYED
        if why is None:
            return None
        self._audit(heard, _word_of(heard), why.value)
        return self._answer(Reply.of(ANSWERS[why])) if why in ANSWERS else Answer()

    def _note_stranger(self, heard: Heard, why: Refusal) -> None:
        """Keep a row about a stranger, and warn once in an hour."""
        with self._one_stranger:
            who, now = heard.user_id or heard.chat_id or 0, datetime.now(UTC)
            hour = now.replace(minute=0, second=0, microsecond=0)
            self._strangers = {key: count for key, count in self._strangers.items() if key[1] == hour}
            count = self._strangers[who, hour] = self._strangers.get((who, hour), 0) + 1
            if count > STRANGER_ROWS:
                return
            self._audit(heard, _word_of(heard), why.value)
            with self._desk.services.store.transaction() as tx:
                if not tx.bot.was_warned_of(who):
                    tx.controls.notify(
                        dedupe_key=f"stranger:{who}:{now.isoformat()}", book=self._desk.book,
                        kind=MessageKind.STRANGER,
                        body=f"a stranger (Telegram id {who}, chat {heard.chat_id}) wrote to the bot and got no answer",
                    )  # fmt: skip

    def halt_without_database(self, heard: Heard) -> Answer | None:
        """Raise the file flag for a halt that cannot be stored; None for anything else, which waits."""
        telegram, words = self._desk.settings.telegram, heard.text.split()
        role = role_of(heard, telegram)
        if role is None or heard.is_tap or not words or judge(heard, telegram, datetime.now(UTC)) is not None:
            return None
        command = self._named.get(words[0].removeprefix("/").lower().partition("@")[0])
        if command is None or command.name != HALT or not role.may(command.role):
            return None
        flag = self._desk.settings.halt_file
        flag.parent.mkdir(parents=True, exist_ok=True)
        flag.write_text(f"telegram:{heard.user_id}: {' '.join(words[1:])[:LONGEST]}\n", encoding="utf-8")
        said = f"The database is away, so the file flag {flag.name} was raised: nothing is sent while it exists."
        return self._answer(Reply.of(said, "Look at the broker's orders in TWS, and send /halt again later."))

    # --- commands ---------------------------------------------------------------------------------

    def hear(self, heard: Heard) -> Answer:
        """Answer an admitted update."""
        person = self._person(heard)
        return self._tapped(heard, person) if heard.is_tap else self._asked(heard, person)

    def _person(self, heard: Heard) -> Person:
        assert heard.user_id is not None, "the gate lets no channel in"
        assert heard.chat_id is not None, "the gate lets nothing in without a chat"
        return Person(heard.user_id, heard.chat_id, self._desk.settings.telegram.people[heard.user_id])

    def _asked(self, heard: Heard, person: Person) -> Answer:
        words = heard.text.split()
        if not words or not words[0].startswith("/"):
            return self._answer(Reply.of("I answer commands; /help lists them."))
        name, _, addressed = words[0].removeprefix("/").lower().partition("@")
        if addressed and addressed != self._username:
            return Answer()
        command = self._named.get(name)
        if command is None:
            self._audit(heard, name, "unknown")
            return self._answer(Reply.of(self._no_such(name)))
        if not person.role.may(command.role):
            self._audit(heard, command.name, "role")
            return self._answer(Reply.of(_needs(command.role, person)))
        self._audit(heard, command.name, "accepted")
        ask = Ask(command, self._desk, person, tuple(words[1:]))
        reply = self._done(ask, command.run)
        return self._answer(self._with_buttons(ask, reply) if reply.asks else reply, command)

    def _no_such(self, name: str) -> str:
        near = difflib.get_close_matches(name, list(self._named), 1)
        return f"There is no /{name[:32]}{f'; did you mean /{near[0]}?' if near else ''} /help lists what there is."

    def _with_buttons(self, ask: Ask, reply: Reply) -> Reply:
        """Let what was shown wait for a tap of this person in this chat."""
        proposal = Proposal(
            ask.book, ask.command.name, ask.words, ask.command.role, CONFIRM_SECONDS,
            user_id=ask.person.user_id, chat_id=ask.person.chat_id,
        )  # fmt: skip
        with ask.services.store.transaction() as tx:
            yes, no = tx.bot.propose(proposal)
        until = f"Nothing was done yet. The buttons work for {CONFIRM_SECONDS:.0f} s, once, and for you only."
        return replace(reply, blocks=(*reply.blocks, say(until)), taps=((("Do it", yes), ("Leave it", no)),))

    # --- taps -------------------------------------------------------------------------------------

    def _tapped(self, heard: Heard, person: Person) -> Answer:
        tap = read_tap(heard.data or "")
        with self._desk.services.store.transaction() as tx:
            intent = None if tap is None else tx.bot.intent(tap[1], tap[2])
        if tap is None or intent is None or intent.command not in self._named:
            self._audit(heard, "tap", "unknown_button")
            return Answer(toast="This button is not from this desk.")
        command = self._named[intent.command]
        if (refusal := _refusal_of(intent, command, person)) is not None:
            self._audit(heard, command.name, refusal[0], intent)
            return Answer(toast=refusal[1])
        state = IntentState.CONFIRMED if tap[0] else IntentState.REFUSED
        with self._desk.services.store.transaction() as tx:
            is_first = tx.bot.answer(intent.intent_id, state, by=person.actor)
            intent = tx.bot.intent(tap[1], tap[2]) or intent
        if not is_first:
            self._audit(heard, command.name, "already_done" if intent.answered_by else "over", intent)
            return _late(heard, intent)
        self._audit(heard, command.name, state.value, intent)
        return self._carried_out(heard, Ask(command, self._desk, person, intent.arguments), intent)

    def _carried_out(self, heard: Heard, ask: Ask, intent: Intent) -> Answer:
        is_yes = intent.state is IntentState.CONFIRMED
        act = ask.command.act if is_yes else ask.command.decline
        assert act is not None or not is_yes, f"/{ask.command.name} asks and has nothing that follows"
        reply = self._done(ask, act, intent if ask.command.may_retry else None) if act else None
        word = ("Confirmed" if is_yes else "Refused") + f" by {ask.person.actor}"
        if reply is None:
            return Answer(toast="Nothing was done.", edited=_edited(heard, f"{word}; nothing was done."))
        if reply.is_failure and ask.command.may_retry:
            return replace(self._answer(reply, ask.command), toast="It did not work; the buttons still do.")
        toast = "It did not work; read the answer." if reply.is_failure else "Done."
        return replace(self._answer(reply, ask.command), toast=toast, edited=_edited(heard, f"{word}."))

    # --- parts ------------------------------------------------------------------------------------

    def _done(self, ask: Ask, act: Act, reopened: Intent | None = None) -> Reply:
        """Return what a command answers; what it raises on purpose is an answer too."""
        try:
            return act(ask)
        except AirdeskError as error:
            failure = str(error)
        except Exception as error:
            log.exception("/%s failed", ask.command.name)
            failure = f"/{ask.command.name} failed ({type(error).__name__}); read the bot's log"
        with ask.services.store.transaction() as tx:
            if reopened is not None:
                tx.bot.reopen(reopened.intent_id)
            detail = {"chat": ask.person.chat_id, "words": ask.words, "said": redact(failure)[:LONGEST]}
            tx.controls.audit(actor=ask.person.actor, action=f"bot:{ask.command.name}:failed", detail=detail)
        return replace(Reply.of(redact(failure)), is_failure=True)

    def _answer(self, reply: Reply, command: Command | None = None) -> Answer:
        book = self._desk.book
        title = f"<b>{book.badge}</b> {say(str(book))}" + (f" · {command.name}" if command else "")
        return Answer(messages(title, reply), reply.taps, reply.picture, reply.document)

    def _audit(self, heard: Heard, command: str, outcome: str, intent: Intent | None = None) -> None:
        """Keep who asked for what, and what came of it; what was typed is cut short and holds no secret."""
        actor = f"telegram:{heard.user_id or heard.chat_id}"
        detail = {
            "update": heard.update_id, "chat": heard.chat_id, "text": redact(heard.text)[:LONGEST], "outcome": outcome,
            "intent": None if intent is None else intent.intent_id,
        }  # fmt: skip
        with self._desk.services.store.transaction() as tx:
            tx.controls.audit(actor=actor, action=f"bot:{command[:32]}", detail=detail)


def _word_of(heard: Heard) -> str:
    return "tap" if heard.is_tap else next(iter(heard.text.split()), "").removeprefix("/").lower() or "message"


def _needs(role: Role, person: Person) -> str:
    return f"This needs the role {role}; you have {person.role}. AIRDESK_TELEGRAM_PEOPLE gives roles."


def _refusal_of(intent: Intent, command: Command, person: Person) -> tuple[str, str] | None:
    """Return why a tap does not count, as a word and as a sentence."""
    if intent.user_id is not None and (intent.user_id, intent.chat_id) != (person.user_id, person.chat_id):
        return "not_yours", "Only who asked may tap, and in the same chat."
    if not person.role.may(max(intent.role, command.role, key=list(Role).index)):
        return "role", _needs(command.role, person)
    return None


def _late(heard: Heard, intent: Intent) -> Answer:
    """Return what a tap gets that came after another one, or after the time."""
    if intent.answered_by is None:
        word = "Its time is over; nothing was done."
        return Answer(toast=word, edited=_edited(heard, word))
    return Answer(toast=f"Already {intent.state} by {intent.answered_by} at {intent.answered_at:%H:%M} UTC.")


def _edited(heard: Heard, word: str) -> str:
    return f"{heard.html}\n\n<b>{say(word)}</b>" if heard.html else f"<b>{say(word)}</b>"
