"""Which client library the adapter takes."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from trading.adapters.ibkr.library import LIBRARIES, client_library


def test_the_first_installed_library_is_taken() -> None:
    assert client_library().name == next(name for name in LIBRARIES if find_spec(name))


def test_the_library_logs_nothing_of_an_order() -> None:
    name = client_library().name
    assert not logging.getLogger(f"{name}.wrapper").isEnabledFor(logging.ERROR)


def test_one_environment_holds_one_library() -> None:
    """Both bring a package `eventkit`; whichever came last would overwrite the other's."""
    assert sum(find_spec(name) is not None for name in LIBRARIES) == 1
