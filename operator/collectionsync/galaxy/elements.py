"""The lists of a Galaxy that come whole, element by element: a JSON array of any length in a few hundred KiB.

`collections/all/` and `collection_versions/all/` of a large server take hundreds of megabytes. Parsed whole they would
take several times that, so the text is cut where its elements end, and only one of them is ever held. The walk goes
from bracket to bracket, most of it within one match of a regular expression, and judges nothing but brackets and
strings: what lies within an element is for the parser of that element.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from collectionsync.galaxy.errors import ContentError
from collectionsync.galaxy.listing import Collection, CollectionItem, SourceVersion, VersionSummary

ELEMENT_LIMIT_BYTES = 4 * 1024 * 1024
"""The largest element of a list; real ones have at most 200 KB, most of it the list of a collection's plugins."""

T = TypeVar("T")
Kept = TypeVar("Kept")

_DEEPEST = 500
# A piece is copied once; the text that is held is one element and one piece.
_PIECE_BYTES = 64 * 1024
_BLANK = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN = rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+'
# Within an element: everything up to a bracket that has brackets in it, or one whose end has not come yet.
_WITHIN = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb"|\{" + _PLAIN + rb"\}|\[" + _PLAIN + rb"\])*+", re.DOTALL)
_BETWEEN = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

_QUOTE, _COMMA, _OPENING, _END = b'",[]'
_CLOSED_BY = dict(zip(b"[{", b"]}", strict=True))


def elements(chunks: Iterable[bytes], *, limit: int) -> Iterator[bytes]:
    """Yield the elements of the JSON array that `chunks` are, each as it was written, without the space around it.

    The text is cut at the array's own commas and looked at no closer: an element that is no JSON is yielded as well.

    Raises:
        ContentError: it is no array, breaks off, goes on after its end, or has an element of more than `limit` bytes.
    """
    cut = _Elements(limit)
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            yield from cut.feed(chunk[start : start + _PIECE_BYTES])
    cut.end()


def read_collections(chunks: Iterable[bytes], *, odd: Callable[[str], None]) -> Iterator[Collection]:
    """Yield what `collections/all/` lists; `odd` is told of each element that is no collection, and why.

    Raises:
        ContentError: it is no list.
    """
    return _read(chunks, CollectionItem, CollectionItem.collection, odd)


def read_versions(chunks: Iterable[bytes], *, odd: Callable[[str], None]) -> Iterator[SourceVersion]:
    """Yield what `collection_versions/all/` lists; `odd` is told of each element that is no version, and why.

    Raises:
        ContentError: it is no list.
    """
    return _read(chunks, VersionSummary, VersionSummary.of_source, odd)


def _read(
    chunks: Iterable[bytes], kind: type[T], kept: Callable[[T], Kept], odd: Callable[[str], None]
) -> Iterator[Kept]:
    decoder = msgspec.json.Decoder(kind)
    for number, element in enumerate(elements(chunks, limit=ELEMENT_LIMIT_BYTES), start=1):
        try:
            yield kept(_decoded(decoder, element))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ContentError) as error:
            odd(f"element {number} of the list is not what Galaxy v3 describes: {error}")


def _decoded(decoder: "msgspec.json.Decoder[T]", element: bytes) -> T:
    try:
        return decoder.decode(element)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Half a surrogate pair, which PostgreSQL keeps and msgspec refuses, in a text that nobody reads.
        return decoder.decode(_HALF_CHARACTER.sub(rb"\\ufffd", element))


class _Elements:
    """The text that is not done with, and how far the walk through it has come: feed() what comes, end() after it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._text = bytearray()
        self._at = 0
        self._done = 0  # how many bytes came before the text that is held
        self._number = 0
        self._closing: list[int] = []  # what closes the brackets that are open within the element
        self._in_string = False
        self._begun = self._ended = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the elements that end in this piece."""
        self._text += piece
        if not self._begun:
            self._begin()
        start = 0
        while self._begun and not self._ended and self._walk():
            element = self._element(start)
            if element:
                yield element
            start = self._at
        self._drop(start)
        if self._ended:
            self._rest()
        elif self._begun:
            self._check(len(self._text))

    def end(self) -> None:
        """Say that nothing more comes."""
        if not self._ended:
            raise ContentError("InvalidJSON", f"the list breaks off after {self._done + len(self._text)} bytes")

    def _begin(self) -> None:
        """Pass over what may stand before the array, as far as it has come, and over its bracket."""
        text = self._text
        if not self._done and len(text) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(text):
            return
        if not self._done and text.startswith(_BYTE_ORDER_MARK):
            self._drop(len(_BYTE_ORDER_MARK))
        self._drop(len(text) - len(text.lstrip(_BLANK)))
        if text:
            if text[0] != _OPENING:
                raise ContentError("InvalidJSON", "it is no list: a JSON array is expected")
            self._drop(1)
            self._begun = True

    def _walk(self) -> bool:
        """Go on to the comma or bracket behind the element; False where it has not come yet."""
        text = self._text
        while True:
            if self._in_string:
                self._at = _passed(_REST_OF_STRING, text, self._at)
                if text[self._at : self._at + 1] != b'"':
                    return False
                self._in_string = False
                self._at += 1
            self._at = _passed(_WITHIN if self._closing else _BETWEEN, text, self._at)
            if self._at == len(text):
                return False
            byte = text[self._at]
            if not self._closing and byte != _QUOTE and byte not in _CLOSED_BY:
                return True
            self._step(byte)
            self._at += 1

    def _step(self, byte: int) -> None:
        """Take note of a quotation mark or a bracket."""
        if byte == _QUOTE:
            self._in_string = True
        elif byte in _CLOSED_BY:
            self._closing.append(_CLOSED_BY[byte])
            if len(self._closing) > _DEEPEST:
                raise self._error(f"is nested more than {_DEEPEST} levels deep")
        elif self._closing.pop() != byte:
            raise self._error("has a bracket that is closed by one of another kind")

    def _element(self, start: int) -> bytes:
        """Return the element that begins at `start`, and pass over the comma or bracket behind it.

        It is empty where the array is.
        """
        self._check(self._at - start)
        byte = self._text[self._at]
        self._ended = byte == _END
        if byte not in (_COMMA, _END):
            raise self._error("is followed by a bracket that nothing opened")
        element = bytes(self._text[start : self._at]).strip(_BLANK)
        if not element and not (self._ended and self._number == 0):
            raise self._error("is missing")
        self._number += 1
        self._at += 1
        return element

    def _rest(self) -> None:
        self._drop(len(self._text) - len(self._text.lstrip(_BLANK)))
        if self._text:
            raise ContentError("InvalidJSON", f"something follows the end of the list (byte {self._done})")

    def _drop(self, size: int) -> None:
        del self._text[:size]
        self._at = max(0, self._at - size)
        self._done += size

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ContentError("TooLarge", f"element {self._number + 1} of the list is larger than {self._limit} bytes")

    def _error(self, what: str) -> ContentError:
        number, byte = self._number + 1, self._done + self._at
        return ContentError("InvalidJSON", f"element {number} of the list {what} (byte {byte})")


def _passed(pattern: re.Pattern[bytes], text: bytearray, at: int) -> int:
    """Return the end of what the pattern passes over, which may be nothing."""
    match = pattern.match(text, at)
    assert match is not None
    return match.end()
