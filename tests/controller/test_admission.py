"""Whether there is room for a run: the caps, the order of waiting, and what is said to those who wait."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.controller.admission import Budget, Request, Slots
from controller.samples import MI, NOW

BUDGET = Budget(simultaneous_runs=4, total_memory_bytes=512 * MI, per_source_host=2)


def run(name: str, *, memory: int = 64, host: str = "", waited: int = 0) -> Request:
    """A run of `memory` MiB that has waited for so many minutes; against a host of its own by default.

    `host` may be several, joined by commas.
    """
    return Request(
        key=f"mirrors/{name}",
        memory_bytes=memory * MI,
        source_hosts=tuple((host or f"{name}.example.com").split(",")),
        due=NOW - timedelta(minutes=waited),
    )


def refusal(
    request: Request, *, running: tuple[Request, ...] = (), waiting: tuple[Request, ...] = (), **caps: int
) -> str:
    return Slots(replace(BUDGET, **caps), running, waiting).refusal(request)


def several(count: int, *, memory: int = 64, host: str = "") -> tuple[Request, ...]:
    return tuple(run(f"running-{number}", memory=memory, host=host) for number in range(count))


def test_the_first_run_starts_at_once() -> None:
    assert refusal(run("a")) == ""


def test_a_run_that_takes_the_last_of_everything_starts() -> None:
    running = (run("b", memory=192, host="galaxy.example.com"), *several(2, memory=128))

    assert refusal(run("a", host="galaxy.example.com"), running=running) == ""


def test_as_many_runs_as_are_allowed_leave_no_room_for_another() -> None:
    assert refusal(run("a"), running=several(4)) == "4 of 4 simultaneous runs are taken"


def test_memory_that_is_taken_leaves_no_room() -> None:
    assert refusal(run("a", memory=96), running=several(2, memory=224)) == (
        "the run needs 96Mi, and 448Mi of 512Mi of memory are taken"
    )


def test_a_host_that_has_its_runs_has_no_room_for_another() -> None:
    assert refusal(run("a", host="galaxy.example.com"), running=several(2, host="galaxy.example.com")) == (
        "2 of 2 simultaneous runs from galaxy.example.com are taken"
    )


def test_more_runs_than_are_allowed_since_the_operator_was_told_otherwise_leave_no_room() -> None:
    assert refusal(run("a"), running=several(3), simultaneous_runs=2) != ""
    assert refusal(run("a"), running=several(3, memory=200)) != ""


@pytest.mark.parametrize("running", [(), several(1)])
def test_a_run_that_is_larger_than_all_memory_is_told_so_and_what_to_change(running: tuple[Request, ...]) -> None:
    message = refusal(run("a", memory=513), running=running)

    assert message.startswith(
        "the run needs 513Mi of memory and all runs together may take 512Mi, so it will never start"
    )
    assert "limits.totalMemory" in message
    assert "spec.resources.limits.memory" in message


def test_a_run_that_takes_all_memory_starts_once_nobody_else_runs() -> None:
    assert refusal(run("a", memory=512)) == ""
    assert refusal(run("a", memory=512), running=several(1)) != ""


def test_who_has_waited_longer_comes_first_whoever_asks_first() -> None:
    first, second = run("a", waited=1), run("b", waited=2)
    running = several(3)

    assert refusal(first, running=running, waiting=(first, second)) == "4 of 4 simultaneous runs are taken"
    assert refusal(second, running=running, waiting=(first, second)) == ""


def test_of_two_who_have_waited_as_long_the_name_decides() -> None:
    first, second = run("a"), run("b")

    assert refusal(second, running=several(3), waiting=(first, second)) != ""
    assert refusal(first, running=several(3), waiting=(first, second)) == ""


def test_where_there_is_room_for_all_who_wait_the_last_may_start_too() -> None:
    waiting = (run("a", waited=3), run("b", waited=2), run("c", waited=1))

    assert refusal(waiting[2], running=several(1), waiting=waiting) == ""


def test_nobody_overtakes_a_large_run_that_waits_for_memory() -> None:
    large = run("large", memory=512, waited=2)
    message = refusal(run("a", memory=32), running=several(1), waiting=(large,))

    assert message == (
        "the run needs 32Mi, and 64Mi of 512Mi of memory are taken, and a run that has waited longer needs more "
        "than is left"
    )


def test_a_run_that_waits_for_its_host_lets_others_pass() -> None:
    waits = run("waits", host="galaxy.example.com", waited=9)

    assert refusal(run("a"), running=several(2, host="galaxy.example.com"), waiting=(waits,)) == ""


def test_a_run_that_waits_for_its_host_keeps_its_place_before_others_of_that_host() -> None:
    waiting = (run("a", host="galaxy.example.com", waited=2), run("b", host="galaxy.example.com", waited=1))

    assert refusal(waiting[1], running=several(1, host="galaxy.example.com"), waiting=waiting) != ""
    assert refusal(waiting[0], running=several(1, host="galaxy.example.com"), waiting=waiting) == ""


def test_a_run_counts_for_each_of_its_hosts_and_waits_for_any_of_them() -> None:
    running = (run("x", host="one.example,two.example"), run("y", host="two.example"))

    assert refusal(run("a", host="one.example"), running=running) == ""
    assert refusal(run("a", host="one.example,two.example"), running=running) == (
        "2 of 2 simultaneous runs from two.example are taken"
    )


def test_a_run_that_waits_for_one_of_its_hosts_keeps_its_place_at_the_others() -> None:
    waits = run("waits", host="one.example,two.example", waited=2)
    running = (*several(2, host="two.example"), run("x", host="one.example"))
    message = refusal(run("a", host="one.example"), running=running, waiting=(waits,), simultaneous_runs=9)

    assert message == (
        "1 of 2 simultaneous runs from one.example are taken, and a run that has waited longer comes first"
    )
    assert Slots(replace(BUDGET, simultaneous_runs=9), running, (waits, run("a", host="one.example"))).admitted() == ()


def test_a_run_that_will_never_start_lets_others_pass_and_has_no_place_in_the_queue() -> None:
    never = run("never", memory=1024, waited=9)

    assert refusal(run("a", memory=512), waiting=(never,)) == ""
    assert refusal(run("a"), running=several(4), waiting=(never,)) == "4 of 4 simultaneous runs are taken"


def test_those_are_admitted_for_whom_there_is_room_in_the_order_of_waiting() -> None:
    waiting = (run("c", waited=1), run("b", waited=2), run("never", memory=1024, waited=9), run("a", waited=3))
    hosts = (run("h", host="galaxy.example.com", waited=8), *waiting)
    running = several(2, host="galaxy.example.com")

    assert Slots(BUDGET, running, hosts).admitted() == ("mirrors/a", "mirrors/b")
    assert Slots(BUDGET, several(4), hosts).admitted() == ()


def test_nobody_is_admitted_past_a_large_run_that_waits_for_memory() -> None:
    waiting = (run("large", memory=512, waited=2), run("small", memory=32, waited=1))

    assert Slots(BUDGET, several(1), waiting).admitted() == ()


def test_who_asks_again_does_not_wait_for_itself() -> None:
    before = run("a", memory=512, waited=2)

    assert refusal(replace(before, memory_bytes=64 * MI, due=NOW), running=several(1), waiting=(before,)) == ""


def test_no_sentence_names_a_resource_of_somebody_else() -> None:
    others = (run("theirs", memory=512, waited=2), run("theirs-too", waited=1))
    message = refusal(run("a"), running=several(1), waiting=others)

    assert message
    assert "theirs" not in message
    assert "running-" not in message


# Any order of asking


class House:
    """Resources that ask for room, in whatever order; as the operator does it, one after the other."""

    def __init__(self, budget: Budget, chance: random.Random) -> None:
        self.budget = budget
        self.chance = chance
        self.running: list[Request] = []
        self.waiting: dict[str, Request] = {}
        self.admitted: list[str] = []

    def ask(self, request: Request) -> None:
        refusal = Slots(self.budget, tuple(self.running), tuple(self.waiting.values())).refusal(request)
        if refusal:
            self.waiting[request.key] = request
            return
        self.waiting.pop(request.key, None)
        self.overtakes_nobody(request)
        self.running.append(request)
        self.admitted.append(request.key)

    def ask_all(self) -> None:
        """Have all who wait ask again, in any order, until nobody is admitted any more."""
        while True:
            before = len(self.admitted)
            for request in self.chance.sample(list(self.waiting.values()), len(self.waiting)):
                self.ask(request)
            if len(self.admitted) == before:
                return

    def end_one(self) -> None:
        self.running.pop(self.chance.randrange(len(self.running)))

    def holds(self, *running: Request) -> None:
        """No cap is exceeded by these."""
        hosts = [host for request in running for host in request.source_hosts]
        assert len(running) <= self.budget.simultaneous_runs
        assert sum(request.memory_bytes for request in running) <= self.budget.total_memory_bytes
        assert all(hosts.count(host) <= self.budget.per_source_host for host in hosts)

    def overtakes_nobody(self, admitted: Request) -> None:
        """Whoever has waited longer has room beside who was admitted, or waits for a host, or for ever.

        Of who waits for a host the places are kept at all hosts.
        """
        beside, kept = [*self.running], Counter[str]()
        for each in sorted(self.waiting.values(), key=lambda each: (each.due, each.key)):
            if (each.due, each.key) > (admitted.due, admitted.key) or not self.fits_alone(each):
                continue
            taken = kept + Counter(host for other in beside for host in other.source_hosts)
            if any(taken[host] >= self.budget.per_source_host for host in each.source_hosts):
                kept.update(each.source_hosts)
            else:
                beside.append(each)
        self.holds(*beside, admitted)
        taken = kept + Counter(host for other in (*beside, admitted) for host in other.source_hosts)
        assert all(taken[host] <= self.budget.per_source_host for host in admitted.source_hosts)

    def fits_alone(self, request: Request) -> bool:
        return request.memory_bytes <= self.budget.total_memory_bytes


budgets = st.builds(
    Budget,
    simultaneous_runs=st.integers(1, 4),
    total_memory_bytes=st.integers(1, 8).map(lambda each: each * 64 * MI),
    per_source_host=st.integers(1, 3),
)
requests = st.lists(
    st.builds(
        run,
        st.sampled_from([f"r{number}" for number in range(12)]),
        memory=st.integers(1, 10).map(lambda each: each * 64),
        host=st.sampled_from(["one.example", "two.example", "three.example", "one.example,two.example"]),
        waited=st.integers(0, 20),
    ),
    max_size=12,
    unique_by=lambda each: each.key,
)


@given(budget=budgets, asking=requests, chance=st.randoms(use_true_random=False))
def test_in_any_order_of_asking_no_cap_is_exceeded_and_all_that_fits_alone_is_admitted_in_the_end(
    budget: Budget, asking: list[Request], chance: random.Random
) -> None:
    house = House(budget, chance)
    for request in asking:
        house.ask(request)
        if house.running and chance.random() < 0.3:
            house.end_one()
    house.ask_all()
    while house.running:
        house.end_one()
        house.ask_all()

    assert sorted(house.admitted) == sorted(each.key for each in asking if house.fits_alone(each))


@given(budget=budgets, asking=requests, large=st.integers(1, 8), chance=st.randoms(use_true_random=False))
def test_a_large_run_starts_before_anybody_who_came_later_however_many_come(
    budget: Budget, asking: list[Request], large: int, chance: random.Random
) -> None:
    house = House(budget, chance)
    for request in asking:
        house.ask(request)
    waits = Request(key="large", memory_bytes=budget.total_memory_bytes, source_hosts=("of its own",), due=NOW)
    house.ask(waits)
    came, bound = 0, 2 * len(asking) + 1
    while "large" not in house.admitted:
        later = run(f"later-{came}", memory=64, host=f"{came}.example.com", waited=-1 - came)
        house.ask(later)
        assert later.key not in house.admitted
        house.end_one()
        house.ask_all()
        came += 1
        assert came <= bound, "it waits for those that were there before it, and for nobody else"
