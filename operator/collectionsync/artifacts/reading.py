"""Reading a part of an artifact: which part, and what comes of it.

One request to the store answers both how large the artifact is and what is in the part, since whoever serves it must
say the first before the second.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self

from collectionsync.artifacts.errors import ArtifactStoreError

PIECE_BYTES = 64 * 1024
"""About how much comes at a time. A reader who is slow keeps so much waiting, and there may be a hundred of them."""
READERS = 128
"""How many artifacts are read from a store at once, each from a file or over a connection of its own; others wait."""


class Span(NamedTuple):
    """A part of an artifact, in bytes, before its size is known.

    A negative `offset` counts from the end. What reaches beyond the artifact is cut; without `length` it reaches to the
    end.
    """

    offset: int = 0
    length: int | None = None

    def within(self, size: int) -> tuple[int, int] | None:
        """Return where the part begins in an artifact of `size` bytes, and its length; None where nothing is there."""
        offset = max(0, size + self.offset) if self.offset < 0 else self.offset
        length = size - offset if self.length is None else min(self.length, size - offset)
        return (offset, length) if length > 0 or self == WHOLE else None

    def header(self) -> str | None:
        """Return it as a header `Range` asks for it (RFC 9110, 14.2); None for all of it, which needs none."""
        if self == WHOLE:
            return None
        if self.offset < 0:
            return f"bytes={self.offset}"
        return f"bytes={self.offset}-{'' if self.length is None else self.offset + self.length - 1}"


WHOLE = Span()


class Download:
    """A part of an artifact of `size` bytes, to be iterated over once: `length` bytes from `offset` on, in pieces.

    A store that does not know parts gives all of it. What breaks off, or does not end, raises ArtifactStoreError.
    """

    def __init__(self, key: str, size: int, offset: int, length: int, read: Callable[[], Awaitable[bytes]]) -> None:
        """Give out what `read` returns, until that is empty."""
        self.size = size
        self.offset = offset
        self.length = length
        self._key = key
        self._left = length
        self._read = read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        piece = await self._read()
        if not piece:
            raise ArtifactStoreError(f"the artifact store broke off in the middle of {self._key}")
        if len(piece) > self._left:
            raise ArtifactStoreError(f"the artifact store sends more of {self._key} than it has told")
        self._left -= len(piece)
        return piece
