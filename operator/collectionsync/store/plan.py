"""The plan of a run, kept in PostgreSQL: what is required, which versions that means, and how far each has come."""

from collectionsync.store.claim import Claim, Terms, claim
from collectionsync.store.ends import Counts, Failure, counts, failures
from collectionsync.store.items import (
    Found,
    Item,
    Listed,
    add_items,
    add_many,
    note_collection,
    note_collections,
    settle,
    settle_planned,
)
from collectionsync.store.requirements import (
    Requirement,
    pending_requirements,
    require,
    require_dependencies,
    settle_requirement,
)
from collectionsync.store.run import (
    LastSync,
    Run,
    discard,
    finish,
    last_sync,
    open_run,
    remember_sync,
    source_id,
)
from collectionsync.store.text import affected, storable

__all__ = [
    "Claim",
    "Counts",
    "Failure",
    "Found",
    "Item",
    "LastSync",
    "Listed",
    "Requirement",
    "Run",
    "Terms",
    "add_items",
    "add_many",
    "affected",
    "claim",
    "counts",
    "discard",
    "failures",
    "finish",
    "last_sync",
    "note_collection",
    "note_collections",
    "open_run",
    "pending_requirements",
    "remember_sync",
    "require",
    "require_dependencies",
    "settle",
    "settle_planned",
    "settle_requirement",
    "source_id",
    "storable",
]
