"""/help: the commands that this person may give."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, lines
from trading.errors import PermanentError


def run(ask: Ask) -> Reply:
    """List the commands, or explain one."""
    ask.most(1)
    if ask.words:
        return _of_one(ask.desk.commands, ask.words[0].removeprefix("/").lower())
    mine = [c for c in ask.desk.commands if ask.person.role.may(c.role)]
    return Reply((lines(f"{c.usage} – {c.help}" for c in mine),), more="docs/telegram.md")


def _of_one(known: object, name: str) -> Reply:
    assert isinstance(known, tuple)
    command = next((c for c in known if name in (c.name, *c.aliases)), None)
    if command is None:
        raise PermanentError(f"there is no /{name[:32]}; /help lists what there is")
    names = f"Also /{', /'.join(command.aliases)}." if command.aliases else ""
    return Reply.of(f"{command.usage} – {command.help}.", f"Role: {command.role}. {names}".strip())


COMMAND = Command("help", "list the commands, or explain one", run, arguments="[COMMAND]")
