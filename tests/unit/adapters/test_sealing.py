"""An encrypted file: whole or refused, read from anywhere, and never with another key."""

from __future__ import annotations

import io
import random

import pytest
from trading.adapters.backup.sealing import BLOCK, Unsealed, is_sealed, sealing
from trading.errors import ConfigurationError, PermanentError

KEY, OTHER = "the key of these tests", "another key of a test"
SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK)


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sealed(folder, content: bytes, *, key: str = KEY, name: str = "file"):
    path = folder / name
    with path.open("wb") as file, sealing(file, key) as target:
        # In pieces that fit no block.
        for at in range(0, len(content), 100_003):
            target.write(content[at : at + 100_003])
    return path


def opened(path, key: str = KEY):
    return io.BufferedReader(Unsealed(path, key))


@pytest.mark.parametrize("size", SIZES)
def test_what_goes_in_comes_out_from_any_place(tmp_path, size):
    content = content_of(size)
    path = sealed(tmp_path, content)
    assert is_sealed(path)
    with opened(path) as file:
        assert file.read() == content
        places = random.Random(1)
        for _ in range(20):
            at, count = places.randint(0, size), places.randint(0, 2 * BLOCK)
            assert file.seek(at) == at
            assert file.read(count) == content[at : at + count]
        assert file.seek(0, io.SEEK_END) == size


def test_the_content_is_not_in_the_file_and_two_files_of_one_content_have_nothing_in_common(tmp_path):
    content = b"DU1234567 sold 100 NVDA " * 50_000
    one, two = (sealed(tmp_path, content, name=name).read_bytes() for name in ("one", "two"))
    assert b"NVDA" not in one
    blocks = [{bytes(file[at : at + 16]) for at in range(16, len(file), 16)} for file in (one, two)]
    assert not blocks[0] & blocks[1]


def test_without_a_key_the_file_is_as_it_was(tmp_path):
    path = sealed(tmp_path, b"plain", key="")
    assert path.read_bytes() == b"plain"
    assert not is_sealed(path)


def test_another_key_and_no_key_are_told_apart_from_damage(tmp_path):
    path = sealed(tmp_path, content_of(BLOCK))
    with pytest.raises(PermanentError, match="encrypted with another key"):
        Unsealed(path, OTHER)
    with pytest.raises(PermanentError, match="is encrypted; name the file of its key in AIRDESK_BACKUP_KEY_FILE"):
        Unsealed(path, "")


def test_a_phrase_that_can_be_guessed_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="openssl rand -base64 32"):
        sealed(tmp_path, b"x", key="secret")


@pytest.mark.parametrize("seed", range(8))
def test_no_changed_bit_goes_unseen(tmp_path, seed):
    path = sealed(tmp_path, content_of(2 * BLOCK + 5))
    whole = bytearray(path.read_bytes())
    place = random.Random(seed).randrange(len(whole)) if seed else len(whole) - 1
    whole[place] ^= 1 << (seed % 8)
    path.write_bytes(whole)
    with pytest.raises(PermanentError, match=r"(is|are) damaged"), opened(path) as file:
        file.read()


def test_blocks_that_are_cut_off_moved_repeated_or_of_another_file_are_refused(tmp_path):
    path = sealed(tmp_path, content_of(3 * BLOCK))
    whole, step = path.read_bytes(), BLOCK + 16
    head, blocks = whole[:48], [whole[48 + n * step : 48 + (n + 1) * step] for n in range(3)]
    other = sealed(tmp_path, content_of(3 * BLOCK), name="other").read_bytes()
    made_up = {
        "cut in a block": whole[:-100],
        "cut between blocks": head + b"".join(blocks[:2]),
        "moved": head + blocks[1] + blocks[0] + blocks[2],
        "repeated": head + b"".join(blocks) + blocks[2],
        "left out": head + blocks[0] + blocks[2],
        "of another file": head + blocks[0] + other[48 + step : 48 + 2 * step] + blocks[2],
        "head alone": head,
        "less than a head": head[:20],
    }
    for what, content in made_up.items():
        path.write_bytes(content)
        with pytest.raises(PermanentError):
            pytest.fail(f"{what}: {len(opened(path).read())} bytes were read")
