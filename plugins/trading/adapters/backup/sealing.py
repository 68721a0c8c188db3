"""An encrypted file that is written in one go and read from anywhere, block by block, never whole in memory (ADR 0059).

    16 bytes  MAGIC
    16 bytes  salt, random for each file
    16 bytes  what tells a wrong key from a damaged file
    blocks    AES-256-GCM of BLOCK bytes each, the last one shorter or empty; each 16 bytes longer than its content

The nonce of a block is its number and whether it is the last, and the head is part of what each block vouches for: so
no block can be changed, moved, repeated, left out or cut off unseen. The key of a file is made of the phrase and the
salt by scrypt; no two files share one.
"""

from __future__ import annotations

import hmac
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from trading.errors import ConfigurationError, PermanentError

MAGIC = b"AIRDESK-SEALED-1"
SUFFIX = ".sealed"
BLOCK = 1 << 18
SHORTEST_PHRASE = 20
"""Characters: a random key has more, and a shorter phrase is guessed."""
_SALT, _CHECK, _TAG = 16, 16, 16
_HEAD = len(MAGIC) + _SALT + _CHECK
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 1}
"""A tenth of a second and 32 MB for each guess of a phrase."""


def is_sealed(path: Path) -> bool:
    """Whether a file begins as ours do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def sealing(file: IO[bytes], phrase: str) -> Iterator[IO[bytes]]:
    """Yield what a backup is written to: the file itself, or with a phrase one that encrypts what goes into it.

    Raises:
        ConfigurationError: the phrase is too short.
    """
    if not phrase:
        yield file
        return
    sealer = _Sealer(file, phrase)
    buffered = io.BufferedWriter(sealer, BLOCK)
    try:
        yield buffered
        buffered.flush()
        sealer.seal_last()
    finally:
        # What broke off is thrown away by whoever opened the file.
        with suppress(OSError):
            buffered.detach()


class _Keyring:
    """The key of one file."""

    def __init__(self, phrase: str, salt: bytes) -> None:
        if len(phrase) < SHORTEST_PHRASE:
            raise ConfigurationError(
                f"the key of AIRDESK_BACKUP_KEY_FILE is shorter than {SHORTEST_PHRASE} characters; make one with "
                "openssl rand -base64 32"
            )
        made = Scrypt(salt=salt, length=32 + _CHECK, **_SCRYPT).derive(phrase.encode())
        self.cipher = AESGCM(made[:32])
        self.head = MAGIC + salt + made[32:]


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


class _Sealer(io.RawIOBase):
    """Takes bytes, writes blocks. It cannot go back, which a zip does not need."""

    def __init__(self, file: IO[bytes], phrase: str) -> None:
        self._file, self._keys = file, _Keyring(phrase, os.urandom(_SALT))
        self._waiting, self._number = bytearray(), 0
        file.write(self._keys.head)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        added = bytes(memoryview(data))  # type: ignore[arg-type]
        self._waiting += added
        # One block always waits: only at the end it is known which is the last.
        while len(self._waiting) > BLOCK:
            self._seal(bytes(self._waiting[:BLOCK]), is_last=False)
            del self._waiting[:BLOCK]
        return len(added)

    def seal_last(self) -> None:
        """Write the last block; without it the file counts as cut off."""
        self._seal(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _seal(self, content: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self._file.write(self._keys.cipher.encrypt(nonce, content, self._keys.head))
        self._number += 1


class Unsealed(io.RawIOBase):
    """Reads an encrypted file from anywhere; holds one block."""

    def __init__(self, path: Path, phrase: str) -> None:
        """Open it.

        Raises:
            PermanentError: there is no key, it is another one, or the file was cut off.
            ConfigurationError: the key is too short to be one.
        """
        self._path, self._file = path, path.open("rb")
        if not phrase:
            raise PermanentError(f"{path} is encrypted; name the file of its key in AIRDESK_BACKUP_KEY_FILE")
        head = self._file.read(_HEAD)
        sealed_bytes = path.stat().st_size - _HEAD
        self._last = max(0, (sealed_bytes - 1) // (BLOCK + _TAG))
        self._size = sealed_bytes - _TAG * (self._last + 1)
        self._at, self._held, self._number = 0, b"", -1
        if self._size < 0:
            raise self._damaged("it was cut off")
        self._keys = _Keyring(phrase, head[len(MAGIC) : len(MAGIC) + _SALT])
        if not hmac.compare_digest(head, self._keys.head):
            raise PermanentError(
                f"{path} was encrypted with another key, or its first bytes are damaged; name the key that was set "
                "when it was made in AIRDESK_BACKUP_KEY_FILE"
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            # What a file of the system says; a zip without an end is looked for like that.
            raise OSError("before the beginning of the file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer)  # type: ignore[arg-type]
        if self._at >= self._size:
            return 0
        number, inside = divmod(self._at, BLOCK)
        part = self._block(number)[inside : inside + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _block(self, number: int) -> bytes:
        if number != self._number:
            self._file.seek(_HEAD + number * (BLOCK + _TAG))
            sealed = self._file.read(BLOCK + _TAG)
            try:
                nonce = _nonce(number, is_last=number == self._last)
                self._held = self._keys.cipher.decrypt(nonce, sealed, self._keys.head)
            except InvalidTag:
                raise self._damaged(f"block {number} of {self._last + 1} is not what was written") from None
            self._number = number
        return self._held

    def _damaged(self, what: str) -> PermanentError:
        return PermanentError(f"{self._path} is damaged: {what}; take another backup")
