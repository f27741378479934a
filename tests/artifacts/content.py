"""What tests store: bytes of which nothing is alike, and the callables that stores take."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PIECE_BYTES = 64 * 1024
MIB = 1024 * 1024


@dataclass(frozen=True)
class Blob:
    """Some content, as an artifact."""

    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def size(self) -> int:
        return len(self.data)

    def pieces(self) -> Iterator[bytes]:
        return self.interrupted(lambda: None)

    def interrupted(self, interrupt: Callable[[], None]) -> Iterator[bytes]:
        """The content in pieces, with something that happens when half of it has been given."""
        for offset in range(0, self.size, PIECE_BYTES):
            if offset <= self.size // 2 < offset + PIECE_BYTES:
                interrupt()
            yield self.data[offset : offset + PIECE_BYTES]

    def interrupted_once(self, interrupt: Callable[[], None]) -> Callable[[], Iterator[bytes]]:
        """What gives the content, with something that happens in the middle of it the first time."""
        waiting = [interrupt]
        return lambda: self.interrupted(lambda: waiting.pop()() if waiting else None)


def blob(size: int) -> Blob:
    return Blob(os.urandom(size))
