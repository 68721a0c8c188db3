"""One file per in-process replay with the verdicts of its every hour: NumPy arrays in a zip, and a head in JSON."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.domain.codec import decode, encode
from trading.domain.instruments import BookId
from trading.domain.orders import Order
from trading.domain.signals import RuleRole, Verdicts
from trading.engine.result import EquityCurve
from trading.engine.verdict_book import VerdictBook
from trading.errors import PermanentError
from trading.strategy.judging import Said

FORMAT = 1
_HEAD = "head.json"
_MASKS, _VALUES = ("passes", "abstains"), ("observed", "threshold", "input_at", "why")
_CURVE = ("as_of", "session_on", "is_closing", "nav_usd", "cash_usd", "quantity")


class VerdictFiles:
    """The files of a folder, `NAME.npz` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, kept: VerdictBook) -> Path:
        """Write a book's file in place of an older one, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(kept.book.name)
        unfinished = path.with_suffix(".part")
        # Hours of a day repeat its daily values: the quickest compression leaves a tenth.
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            written = _Written(archive)
            head = _head(kept) | {"verdicts": [written.add_verdicts(*one) for one in kept.verdicts]}
            head |= {"curve": {name: written.add(getattr(kept.curve, name)) for name in _CURVE}}
            archive.writestr(_HEAD, json.dumps(head))
        unfinished.replace(path)
        return path

    def read(self, book: BookId) -> VerdictBook | None:
        """Return a book's file, or None if there is none.

        Raises:
            PermanentError: it cannot be read.
        """
        path = self._path(book.name)
        if not path.is_file():
            return None
        try:
            with zipfile.ZipFile(path) as archive:
                return _read(archive, book)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise PermanentError(f"{path} cannot be read ({error}); replay {book.name} again with --replace") from error

    def stamp(self, book: BookId) -> tuple[Path, int] | None:
        """Return what changes when a book's file does; None if there is none."""
        path = self._path(book.name)
        return (path, path.stat().st_mtime_ns) if path.is_file() else None

    def forget(self, name: str) -> None:
        """Delete a book's file if there is one."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"


class _Written:
    """Arrays that are in the archive already: rules share columns, and one value may stand for all symbols."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._places: dict[tuple[object, ...], str] = {}
        # What is compared by its address must not be freed and its address reused.
        self._alive: list[NDArray[Any]] = []

    def add_verdicts(self, role: RuleRole, rule: str, said: Said) -> dict[str, Any]:
        verdicts = said.whole()
        places = {name: self.add(getattr(verdicts, name)) for name in (*_MASKS, *_VALUES)}
        return {"role": role.value, "rule": rule, "shape": list(verdicts.passes.shape), **places}

    def add(self, array: NDArray[Any]) -> str:
        """Return the name under which an array is written; axes that only repeat are written once."""
        narrow = array[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)]
        where = narrow.__array_interface__["data"][0], narrow.shape, narrow.strides, narrow.dtype.str
        if where not in self._places:
            name = f"{len(self._places)}.npy"
            with self._archive.open(name, "w") as entry:
                np.lib.format.write_array(entry, narrow, allow_pickle=False)
            self._places[where] = name
            self._alive.append(array)
        return self._places[where]


def _head(kept: VerdictBook) -> dict[str, Any]:
    names = ("strategy", "spec_hash", "code_version", "is_synthetic", "delay_minutes")
    symbols, orders = list(kept.symbols), encode(list(kept.orders))
    return {"format": FORMAT, **{n: getattr(kept, n) for n in names}, "symbols": symbols, "orders": orders}


def _read(archive: zipfile.ZipFile, book: BookId) -> VerdictBook:
    head = json.loads(archive.read(_HEAD))
    if head["format"] != FORMAT:
        raise ValueError(f"its format is {head['format']}, this code reads {FORMAT}")

    def array(name: str) -> NDArray[Any]:
        with archive.open(name) as entry:
            found: NDArray[Any] = np.lib.format.read_array(entry, allow_pickle=False)
        return found

    arrays = {name: array(name) for name in archive.namelist() if name != _HEAD}
    return VerdictBook(
        book=book,
        symbols=tuple(head["symbols"]),
        verdicts=tuple(_verdicts(told, arrays) for told in head["verdicts"]),
        curve=EquityCurve(**{name: arrays[head["curve"][name]] for name in _CURVE}),
        orders=tuple(decode(Order, order) for order in head["orders"]),
        **{n: head[n] for n in ("strategy", "spec_hash", "code_version", "is_synthetic", "delay_minutes")},
    )


def _verdicts(told: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> tuple[RuleRole, str, Verdicts]:
    shape = tuple(told["shape"])
    of_rule = {name: np.broadcast_to(arrays[told[name]], shape) for name in (*_MASKS, *_VALUES)}
    return RuleRole(told["role"]), told["rule"], Verdicts(**of_rule)
