"""All that answers are made from, as each route is given it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collectionsync.server.memory_plan import MemoryPlan
from collectionsync.server.remembered import Remembered
from collectionsync.server.sessions import Sessions

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore


@dataclass(slots=True, kw_only=True)
class Holdings:
    """`prefix` comes before every path that clients are told; `artifacts` is None where there are none.

    With `redirect_artifacts` clients are sent to the store for them. Once `stopping`, nobody else should come.
    """

    sessions: Sessions
    plan: MemoryPlan
    remembered: Remembered
    artifacts: "ArtifactStore | None" = None
    redirect_artifacts: bool = False
    prefix: str = ""
    stopping: bool = False
