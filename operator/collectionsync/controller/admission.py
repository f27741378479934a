"""Whether there is room for a run: how many go on at once, their memory together, and how many work one host. PURE.

Runs are counted by their Jobs, before there are pods, and by the memory that they may take, not by what they take.
Who waits is served in the order of waiting, and nobody is overtaken who waits for memory: large runs would wait for
ever. Two kinds block nobody, since no place in that line would help them: who waits for a host that has its runs
already, and who needs more than all the memory there is. A run counts for each host that it may ask, since only its
worker finds out which of them it asks; who waits for one of several hosts keeps the place at the others, or runs of one
host each would be let past for ever.

A sentence gives no place in the queue, or each end of a run would have all of them written anew. And nothing here
admits: whoever was given room has to be among the running when the next one asks.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from collectionsync.quantity import exact_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What all runs may take together, and how many of them may work one source at once."""

    simultaneous_runs: int
    total_memory_bytes: int
    per_source_host: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run that needs room, or has it. `key` is namespace/name of its resource; `due` is since when it waits.

    `source_hosts` are those of all its sources, each once.
    """

    key: str
    memory_bytes: int
    source_hosts: tuple[str, ...]
    due: datetime


class _Cap(Enum):
    """What a run waits for."""

    HOST = "HOST"
    RUNS = "RUNS"
    MEMORY = "MEMORY"


@dataclass(slots=True)
class _Taken:
    """What is taken of the budget."""

    budget: Budget
    runs: int = 0
    memory_bytes: int = 0
    hosts: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    """Places at hosts that are kept for who has waited longer."""

    def take(self, request: Request) -> None:
        """Count a run."""
        self.runs += 1
        self.memory_bytes += request.memory_bytes
        self.hosts.update(request.source_hosts)

    def keep(self, request: Request) -> None:
        """Keep the place of a run that waits for one of its hosts."""
        self.kept.update(request.source_hosts)

    def obstacle(self, request: Request) -> _Cap | None:
        """Return what a run has to wait for, beside those whose place is kept; None where there is room."""
        if self._full_host(request) is not None:
            return _Cap.HOST
        if self.runs >= self.budget.simultaneous_runs:
            return _Cap.RUNS
        if self.memory_bytes + request.memory_bytes > self.budget.total_memory_bytes:
            return _Cap.MEMORY
        return None

    def _full_host(self, request: Request) -> str | None:
        """Return the first host of a run that has no room for it; None where each has."""
        cap = self.budget.per_source_host
        return next((host for host in request.source_hosts if self.hosts[host] + self.kept[host] >= cap), None)

    def told(self, cap: _Cap, request: Request) -> str:
        """Return for people how much of a cap is taken."""
        budget = self.budget
        if cap is _Cap.HOST:
            host = self._full_host(request) or ""
            runs = f"{self.hosts[host]} of {budget.per_source_host} simultaneous runs from {host} are taken"
            full = self.hosts[host] >= budget.per_source_host
            return runs if full else f"{runs}, and a run that has waited longer comes first"
        if cap is _Cap.RUNS:
            return f"{self.runs} of {budget.simultaneous_runs} simultaneous runs are taken"
        memory = f"{exact_bytes(self.memory_bytes)} of {exact_bytes(budget.total_memory_bytes)} of memory"
        return f"the run needs {exact_bytes(request.memory_bytes)}, and {memory} are taken"


@dataclass(frozen=True, slots=True)
class Slots:
    """What runs, and who waits, at one moment. `waiting` need not be in order, and may name who asks or not."""

    budget: Budget
    running: tuple[Request, ...]
    waiting: tuple[Request, ...]

    def refusal(self, request: Request) -> str:
        """Return why a run has to wait, in a sentence for people; empty if it may start now."""
        if not self._ever_fits(request):
            return (
                f"the run needs {exact_bytes(request.memory_bytes)} of memory and all runs together may take "
                f"{exact_bytes(self.budget.total_memory_bytes)}, so it will never start; "
                "raise limits.totalMemory of the operator, or lower spec.resources.limits.memory"
            )
        taken = _Taken(self.budget)
        for each in self.running:
            taken.take(each)
        blocked = False
        for each in self._before(request):
            obstacle = taken.obstacle(each)
            if obstacle is _Cap.HOST:
                taken.keep(each)
                continue
            blocked = blocked or obstacle is not None
            if not blocked:
                taken.take(each)  # it is about to start, whoever asks first
        obstacle = taken.obstacle(request)
        if obstacle is not None:
            return taken.told(obstacle, request)
        if blocked:
            return f"{taken.told(_Cap.MEMORY, request)}, and a run that has waited longer needs more than is left"
        return ""

    def admitted(self) -> tuple[str, ...]:
        """Return the keys of those who wait and may start now, those first that have waited longest."""
        taken, found = _Taken(self.budget), []
        for each in self.running:
            taken.take(each)
        for each in sorted(filter(self._ever_fits, self.waiting), key=_place):
            obstacle = taken.obstacle(each)
            if obstacle is None:
                taken.take(each)
                found.append(each.key)
            elif obstacle is _Cap.HOST:
                taken.keep(each)
            else:
                break
        return tuple(found)

    def _ever_fits(self, request: Request) -> bool:
        return request.memory_bytes <= self.budget.total_memory_bytes

    def _before(self, request: Request) -> Iterable[Request]:
        """Return who has waited longer, the longest first."""
        place = _place(request)
        others = (each for each in self.waiting if each.key != request.key and self._ever_fits(each))
        return sorted((each for each in others if _place(each) < place), key=_place)


def _place(request: Request) -> tuple[datetime, str]:
    return request.due, request.key
