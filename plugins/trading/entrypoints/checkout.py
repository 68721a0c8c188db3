"""Where things of this checkout are: its code, and the state folder of the desk or of the demo."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trading.errors import ConfigurationError
from trading.settings import Mode


@dataclass(frozen=True, slots=True)
class Checkout:
    """One copy of the code with the state of one mode; a second checkout shares nothing with it.

    Attributes:
        root: folder of the launcher.
        state: state folder; the demo has its own, so that synthetic rows meet no other.
        mode: whose money.
    """

    root: Path
    state: Path
    mode: Mode

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, mode: Mode | None = None) -> Checkout:
        """Return the checkout that the environment names, in the mode it names unless `mode` says otherwise.

        Raises:
            ConfigurationError: AIRDESK_MODE is not understood.
        """
        root = Path(environment.get("AIRDESK_ROOT") or Path(__file__).parents[3]).resolve()
        base = Path(environment.get("AIRDESK_STATE_DIR") or root / ".airdesk").resolve()
        text = environment.get("AIRDESK_MODE") or Mode.DEMO.value
        if mode is None and text not in set(Mode):
            raise ConfigurationError(f"AIRDESK_MODE={text!r} is not one of {', '.join(Mode)}; correct it in .env")
        chosen = mode or Mode(text)
        return cls(root, base / "demo" if chosen is Mode.DEMO else base, chosen)

    @property
    def database_name(self) -> str:
        """Return the name of our database; synthetic rows have one of their own."""
        return "airdesk_demo" if self.mode is Mode.DEMO else "airdesk"

    @property
    def logs(self) -> Path:
        """Return the folder of log files."""
        return self.state / "logs"

    @property
    def airflow_home(self) -> Path:
        """Return AIRFLOW_HOME."""
        return self.state / "airflow"

    def make_folders(self) -> None:
        """Create the state folders; started by root, Postgres enters the outer one under another account."""
        self.state.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.airflow_home):
            folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only: a reader sees the old text or the new one."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
