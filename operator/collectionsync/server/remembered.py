"""Answers that were made already, for as long as they would be made the same again.

PostgreSQL takes most of the time of a small answer. What state the database is in it can say in the question that every
request begins with, and an answer holds exactly as long as that state: nobody is ever told anything that has changed.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from collectionsync.server.answers import Body, digest
from collectionsync.store.catalog.details import Answer as Parts

LARGEST_BYTES = 64 * 1024
"""The largest answer that is kept."""

# An entry's objects, beside the bytes of its question and of its answer.
_ENTRY_BYTES = 1024

Question = tuple[str, ...]


class Remembered:
    """At most `capacity` bytes of answers, all of one state; those go first that were not asked for the longest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._state: Hashable = None
        self._kept: OrderedDict[Question, tuple[Body | Parts, int]] = OrderedDict()
        self.bytes = 0

    def find(self, question: Question, state: Hashable) -> Body | Parts | None:
        """Return the answer to a question in this state; None where it has to be made."""
        if state != self._state:
            self._forget(state)
            return None
        found = self._kept.get(question)
        if found is None:
            return None
        self._kept.move_to_end(question)
        answer, _ = found
        return replace(answer) if isinstance(answer, Body) else answer

    def keep(self, question: Question, state: Hashable, answer: Body | Parts) -> None:
        """Keep an answer that was made in this state or later."""
        if state is None or state != self._state or question in self._kept:
            return
        size = _size(answer)
        if size > LARGEST_BYTES:
            return
        if isinstance(answer, Body):
            answer.etag = answer.etag or digest(answer.body)
            answer = replace(answer)
        weight = size + sum(map(len, question)) + _ENTRY_BYTES
        self._kept[question] = (answer, weight)
        self.bytes += weight
        while self.bytes > self._capacity:
            _, (_, gone) = self._kept.popitem(last=False)
            self.bytes -= gone

    def _forget(self, state: Hashable) -> None:
        self._state = state
        self._kept.clear()
        self.bytes = 0


def _size(answer: Body | Parts) -> int:
    if isinstance(answer, Body):
        return len(answer.body)
    return sum(len(part) for part in answer.parts if isinstance(part, bytes))
