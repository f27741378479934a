"""When failures of single items are the source's own: the difference between skipping and giving up."""

from collectionsync.galaxy.errors import AuthenticationError, GalaxyError, TransientError, UntrustedError

# Each of these was retried already. A source that fails so many items in a row is not there.
_IN_A_ROW = 8


class Failures:
    """Told of every success and failure against the sources, and raises where going on makes no sense.

    A run goes on without a further source, whose items then fail one by one, and not without its `first`.
    """

    def __init__(self, first: int = 0) -> None:
        self._first = first
        self._in_a_row = 0
        self._successes = 0
        self._last: TransientError | None = None

    def succeeded(self, source_id: int = 0) -> None:
        """A source brought what was asked for."""
        if source_id not in (0, self._first):
            return
        self._in_a_row = 0
        self._successes += 1

    def failed(self, error: GalaxyError, source_id: int = 0) -> None:
        """A source, the first one where none is named, did not bring an item.

        Raises:
            GalaxyError: `error` itself, when it is no item's failure but the source's.
        """
        if isinstance(error, AuthenticationError | UntrustedError):
            raise error
        if source_id not in (0, self._first):
            return
        if not isinstance(error, TransientError):
            self._in_a_row = 0
            return
        self._last = error
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW:
            raise error

    def conclude(self) -> None:
        """Say at the end whether the source was there at all.

        Raises:
            TransientError: nothing came, and at least one item failed for a passing reason.
        """
        if self._last is not None and not self._successes:
            raise self._last
