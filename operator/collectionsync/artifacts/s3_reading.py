"""What S3 sends when it is asked for an object: read as far, and as fast, as somebody wants it."""

import re
import socket
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import NamedTuple

from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.artifacts.reading import PIECE_BYTES
from collectionsync.artifacts.threads import Stop

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII)


class Answered(NamedTuple):
    """An answer whose body is still to come."""

    connection: HTTPConnection
    used: socket.socket  # a connection forgets its own where the answer says that it is the last
    response: HTTPResponse


class S3Reading:
    """An answer whose body is read when somebody asks for it; its connection is kept if that was read whole."""

    def __init__(
        self,
        answered: Answered,
        name: str,
        *,
        said: Callable[[OSError | HTTPException], str],
        keep: Callable[[HTTPConnection, HTTPResponse], None],
    ) -> None:
        self.size = self.offset = self.length = 0
        self._answered: Answered | None = answered
        self._name = name
        self._said = said
        self._keep = keep

    def measure(self) -> None:
        """Read from the answer which part this is, and of how many bytes.

        Raises:
            ArtifactStoreError: it does not say.
        """
        assert self._answered is not None, "it is not closed yet"
        part = _part(self._answered.response)
        if part is None:
            raise ArtifactStoreError(f"the answer does not say how many bytes there are of {self._name}")
        self.offset, self.length, self.size = part

    def read(self, stop: Stop) -> bytes:
        """Return the next piece; nothing at the end."""
        assert self._answered is not None, "it is not closed yet"
        _, used, response = self._answered
        with stop.over(used):
            try:
                piece = response.read(PIECE_BYTES)
            except (OSError, HTTPException) as error:
                stop.check()
                raise ArtifactStoreError(f"{self._said(error)} in the middle of {self._name}") from error
        if not piece and response.length:
            stop.check()
            raise ArtifactStoreError(f"what was sent broke off in the middle of {self._name}")
        return piece

    def close(self) -> None:
        """Let go of the connection."""
        if self._answered is not None:
            connection, _, response = self._answered
            self._answered = None
            self._keep(connection, response)
            response.close()


def _part(response: HTTPResponse) -> tuple[int, int, int] | None:
    """Return offset, length and the size of all, as an answer announces them; None where it does not clearly."""
    length = response.length
    if length is None or response.status != 206:
        return None if length is None else (0, length, length)
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if match is None:
        return None
    first, last, size = (int(number) for number in match.groups())
    return (first, length, size) if last - first + 1 == length else None
