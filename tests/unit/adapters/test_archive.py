"""An archive whose bits changed is refused in words, whatever the bit was for."""

from __future__ import annotations

import random

import pytest
from trading.adapters.backup.archive import Archive, Manifest, new_archive
from trading.errors import PermanentError


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    path, draws = tmp_path_factory.mktemp("archive") / "backup.zip", random.Random(1)
    with new_archive(path) as writer:
        with writer.member("tables/desk.fills") as stream:
            stream.write("".join(f"{draws.randrange(10**9)},NVDA\n" for _ in range(300)).encode())
        sums = dict(writer.sums)
        writer.close(Manifest("2026-11-27T12:00:00Z", "1", "c", "demo", {}, (), (), (), sums=sums))
    return path.read_bytes()


def test_every_changed_bit_is_refused_or_harms_nothing(whole, tmp_path) -> None:
    path, draws, refused = tmp_path / "changed.zip", random.Random(2), 0
    for at in (draws.randrange(len(whole)) for _ in range(600)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            with Archive(path) as archive:
                archive.verify()
        except PermanentError:
            refused += 1
    assert refused > 500, "what is left are instants and rights of members, which nobody reads"
