"""What Kopf is given: handlers that take note in the loop, and nothing that writes to a resource."""

import inspect
from typing import Any, cast

from collectionsync.controller import handlers
from collectionsync.controller.cache import Cache
from collectionsync.controller.reconcile import Observer

FOUND = handlers.registry(Cache(), cast("Any", None), Observer())


def test_handlers_run_in_the_loop_and_never_beside_it() -> None:
    """Kopf runs what is no coroutine function in threads, and neither cache nor queue has a lock."""
    watching = list(FOUND._watching.get_all_handlers())
    probes = [each for each in FOUND._activities.get_all_handlers() if "login" not in str(each.id)]
    assert len(watching) == 3
    assert len(probes) == 1
    assert all(inspect.iscoroutinefunction(each.fn) for each in (*watching, *probes))


def test_nothing_asks_for_a_finalizer() -> None:
    """Timers, daemons and handlers of changes do; each would hold a resource while the operator is down."""
    for registry in (FOUND._changing, FOUND._spawning, FOUND._indexing):
        assert list(registry.get_all_handlers()) == []
