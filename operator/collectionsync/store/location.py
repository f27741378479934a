"""Which database: the one that is named, or else a PostgreSQL of the user's own."""

import contextlib
from collections.abc import Iterator

from collectionsync.store.database import DatabaseUnavailableError


@contextlib.contextmanager
def located(uri: str | None) -> Iterator[str]:
    """Yield a URI to connect to. Without one, the user's own server runs for as long as it is needed.

    Raises:
        StoreError: the user's own server cannot be had.
    """
    if uri is not None:
        yield uri
        return
    # Imported here: a worker in a cluster never needs it.
    from collectionsync.store.embedded import EmbeddedPostgres, EmbeddedPostgresError

    with contextlib.ExitStack() as stack:
        try:
            uri = stack.enter_context(EmbeddedPostgres()).uri
        except EmbeddedPostgresError as error:
            raise DatabaseUnavailableError(str(error)) from error
        yield uri
