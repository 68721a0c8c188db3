"""A desk of a benchmark's own: a temporary folder, no setting but those it names, and everything that a desk runs."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trading.adapters.loopback import free_port
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import run_lock
from trading.entrypoints.running_desk import RunningDesk, running_desk

SETTINGS = Path(__file__).resolve().parents[1] / ".env.example"


@contextmanager
def own_folder(prefix: str = "airdesk-benchmark-") -> Iterator[Path]:
    """Yield a temporary folder that Postgres, which root starts under another account, may enter."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def own_desk(
    state: Path, settings: Mapping[str, str] | None = None, *, say: Callable[[str], None] = print
) -> Iterator[RunningDesk]:
    """Run a whole desk for the length of a `with` block; its database is ready, its Airflow may still be starting.

    Args:
        state: its folder, new.
        settings: beside those of every desk here; nothing that the user's environment sets reaches it.
    """
    forget_settings()
    os.environ |= {"AIRDESK_STATE_DIR": str(state), "AIRDESK_UI_PORT": str(free_port()), **(settings or {})}
    checkout = Checkout.from_environment(os.environ)
    checkout.make_folders()
    with run_lock(checkout.state) as is_free:
        assert is_free, "the folder is new"
        with running_desk(checkout, say=say) as desk:
            yield desk


def forget_settings() -> None:
    """Take Airflow's settings and every one of ours out of this process's environment."""
    ours = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", SETTINGS.read_text(encoding="utf-8"), re.M))
    for name in [name for name in os.environ if name in ours or name.startswith(("AIRFLOW", "AIRDESK"))]:
        del os.environ[name]
