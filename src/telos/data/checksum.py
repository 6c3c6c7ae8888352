"""Checksums of stores: made at the speed of memory, so that writing a store costs little more than copying it."""

import hashlib
import zlib
from pathlib import Path

from telos.core.errors import DataError

BLOCK = 1 << 20
PREFIX = "crc-"
"""Of checksums made this way; those of older stores are the BLAKE2b of the whole file."""


class Checksum:
    """BLAKE2b over the CRC-32 of each megabyte: finds what goes wrong on disks and wires five times faster than BLAKE2b alone."""

    def __init__(self) -> None:
        self._blocks = hashlib.blake2b(digest_size=16)
        self._crc, self._filled = 0, 0

    def update(self, content: memoryview) -> None:
        """Takes in bytes; how they are cut into pieces does not matter."""
        start = 0
        while start < len(content):
            piece = content[start : start + BLOCK - self._filled]
            self._crc = zlib.crc32(piece, self._crc)
            self._filled += len(piece)
            start += len(piece)
            if self._filled == BLOCK:
                self._blocks.update(self._crc.to_bytes(4, "little"))
                self._crc, self._filled = 0, 0

    def copy(self) -> "Checksum":
        other = Checksum()
        other._blocks, other._crc, other._filled = self._blocks.copy(), self._crc, self._filled
        return other

    def hexdigest(self) -> str:
        whole = self._blocks.copy()
        whole.update(self._crc.to_bytes(4, "little") + self._filled.to_bytes(4, "little"))
        return PREFIX + whole.hexdigest()


def checksum_of(file: Path, *, like: str) -> str:
    """The checksum of a file, made as the one that it is compared with was. Raises DataError if it cannot be read."""
    checksum = Checksum() if like.startswith(PREFIX) else hashlib.blake2b(digest_size=16)
    try:
        with file.open("rb") as stream:
            while block := stream.read(BLOCK):
                checksum.update(memoryview(block))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.", fix="check its permissions") from error
    return checksum.hexdigest()
