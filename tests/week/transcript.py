"""What was said in the week, in order, as a page of the docs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tests.telegram_stub import Shown
from tests.telegram_wire import Words

HEAD = """# A week on the phone

What the desk said in five sessions, and what was said to it. `python tests/week/run.py --out docs/week.md` made
this page: Airflow's scheduler, the tasks, the gateway's protocol, the clients of vendors and Telegram, the sender
and the bot are the real ones; the gateway is the SIMULATED one, and vendors and Telegram are servers on loopback.
The market is the invented one of the parity tests under real names: no price here is real. Lines in italics are
what the test did to the desk.

The hours ran one after another on one day, so the times below the messages and the runs' ids are of that day, which
`/status` and `/next` look at too. Digests are switched off, and with them `Stop moved` and hours without news.
"""


class Who(Enum):
    """Whose words a line holds."""

    DESK = "desk"
    PERSON = "you"
    TERMINAL = "terminal"
    WORLD = "…"


@dataclass(frozen=True)
class Line:
    """One thing that was said or happened.

    Attributes:
        when: day and hour of the run in which it came, e.g. "Mon 30 Nov 10:30".
        buttons: the labels below a message.
    """

    when: str
    who: Who
    text: str
    buttons: tuple[str, ...] = ()
    has_picture: bool = False
    is_silent: bool = False
    is_edit: bool = False


def lines_of(shown: Shown, when: str) -> Line:
    """Return the line of a message that the desk sent."""
    labels = tuple(text for row in shown.buttons for text, _ in row)
    return Line(when, Who.DESK, Words.of(shown.text), labels, shown.picture is not None, shown.is_silent)


def as_markdown(lines: Iterable[Line]) -> str:
    """Return the page."""
    written = [HEAD]
    day = hour = ""
    for line in lines:
        *of_day, of_hour = line.when.split(" ")
        if " ".join(of_day) != day:
            day, hour = " ".join(of_day), ""
            written += [f"## {day}", ""]
        if of_hour != hour:
            hour = of_hour
            written += [f"### {hour}", ""]
        written += [*_shown(line), ""]
    return "\n".join(written)


def _shown(line: Line) -> list[str]:
    if line.who is Who.WORLD:
        return [f"*{line.text}*"]
    if line.who is Who.PERSON:
        return [f"**You**: `{line.text}`"]
    if line.who is Who.TERMINAL:
        return ["```text", *line.text.strip().splitlines(), "```"]
    marks = {
        "without a sound": line.is_silent,
        "a picture": line.has_picture,
        "the message above now says": line.is_edit,
    }
    said = ", ".join(mark for mark, is_on in marks.items() if is_on)
    head = f"**Desk** ({said})" if said else "**Desk**"
    buttons = [f"[ {' | '.join(line.buttons)} ]"] if line.buttons else []
    return [head, "```text", *line.text.strip().splitlines(), *buttons, "```"]
