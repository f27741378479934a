"""Connections grow while that pays, and no further; what they share is given up in time."""

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.worker.connections import START, WINDOW_SECONDS, WORTH, Ramp, Sample

WAITING = Sample(
    bytes_per_second=100.0,
    saturated=True,
    cpu_share=0.3,
    database_idle_share=0.5,
    throttled=False,
    memory_short=False,
)
STEADY = Ramp(limit=4, maximum=20, throughput=100.0, settling=False)
ON_TRIAL = Ramp(limit=6, maximum=20, before=4, throughput=100.0, settling=False)


@pytest.mark.parametrize(
    ("ramp", "sample", "limit"),
    [
        pytest.param(STEADY, replace(WAITING, cpu_share=0.6), 6, id="grows by a half where it waits for the source"),
        pytest.param(STEADY, WAITING, 8, id="doubles where it does hardly anything else"),
        pytest.param(replace(STEADY, limit=1), WAITING, 2, id="grows from one"),
        pytest.param(replace(STEADY, limit=19), WAITING, 20, id="never above the maximum"),
        pytest.param(replace(STEADY, limit=20), WAITING, 20, id="nor above it once there"),
        pytest.param(STEADY, replace(WAITING, saturated=False), 4, id="stays where connections lie idle"),
        pytest.param(STEADY, replace(WAITING, cpu_share=0.9), 4, id="stays where the processor is busy"),
        pytest.param(STEADY, replace(WAITING, database_idle_share=0.05), 4, id="stays where the database is busy"),
        pytest.param(replace(STEADY, settling=True), WAITING, 4, id="waits for the first window to settle"),
        pytest.param(replace(STEADY, resting=2), WAITING, 4, id="rests"),
        pytest.param(ON_TRIAL, replace(WAITING, bytes_per_second=150.0), 12, id="goes on growing while it pays"),
        pytest.param(ON_TRIAL, replace(WAITING, bytes_per_second=110.0), 4, id="steps back where it does not pay"),
        pytest.param(
            replace(ON_TRIAL, settling=True),
            replace(WAITING, bytes_per_second=10.0),
            6,
            id="is not judged by the window of its handshakes",
        ),
        pytest.param(
            replace(ON_TRIAL, throughput=0.0),
            replace(WAITING, bytes_per_second=0.0),
            4,
            id="a source that brings nothing is not worth more",
        ),
        pytest.param(replace(STEADY, limit=8), replace(WAITING, throttled=True), 4, id="halves when throttled"),
        pytest.param(replace(STEADY, limit=1), replace(WAITING, throttled=True), 1, id="never halves below one"),
        pytest.param(ON_TRIAL, replace(WAITING, throttled=True), 3, id="halves a trial, too"),
        pytest.param(STEADY, replace(WAITING, memory_short=True), 3, id="shrinks by one when memory is short"),
        pytest.param(replace(STEADY, limit=1), replace(WAITING, memory_short=True), 1, id="never shrinks below one"),
    ],
)
def test_a_window_decides_on_the_limit(ramp: Ramp, sample: Sample, limit: int) -> None:
    assert ramp.after(sample).limit == limit


def test_pauses_between_failed_trials_grow_up_to_a_bound() -> None:
    ramp, moved = STEADY, []
    for window in range(120):
        following = ramp.after(WAITING)
        if following.limit > ramp.limit:
            moved.append(window)
        ramp = following

    pauses = [later - earlier for earlier, later in itertools.pairwise(moved)]
    assert pauses[:4] == sorted(set(pauses[:4]))
    assert len(set(pauses[4:])) == 1


@pytest.mark.parametrize("trouble", ["throttled", "memory_short"])
def test_trouble_is_followed_by_a_long_rest(trouble: str) -> None:
    ramp = STEADY.after(replace(WAITING, **{trouble: True}))
    lowered = ramp.limit
    for _ in range(10):
        ramp = ramp.after(WAITING)

    assert ramp.limit == lowered


def test_a_trial_that_pays_makes_the_next_pause_short_again() -> None:
    assert replace(ON_TRIAL, next_rest=16).after(replace(WAITING, bytes_per_second=150.0)).next_rest == 2


SAMPLES = st.builds(
    Sample,
    bytes_per_second=st.floats(0, 1e9),
    saturated=st.booleans(),
    cpu_share=st.floats(0, 2),
    database_idle_share=st.floats(0, 1),
    throttled=st.booleans(),
    memory_short=st.booleans(),
)


@given(maximum=st.integers(1, 100), samples=st.lists(SAMPLES, max_size=50))
def test_the_limit_stays_between_one_and_the_maximum(maximum: int, samples: list[Sample]) -> None:
    ramp = Ramp(limit=min(START, maximum), maximum=maximum)
    for sample in samples:
        ramp = ramp.after(sample)

        assert 1 <= ramp.limit <= maximum
        assert ramp.resting >= 0


class Source:
    """Brings `per_connection` bytes per second on each connection up to `ceiling`; a new one shakes hands first."""

    def __init__(self, *, ceiling: float, noise: float, seed: int, per_connection: float = 1e6) -> None:
        self._ceiling = ceiling
        self._per_connection = per_connection
        self._noise = noise
        self._random = random.Random(seed)
        self._warm = START

    def capacity(self, connections: float) -> float:
        return min(self._ceiling, connections * self._per_connection)

    def window(self, connections: int) -> Sample:
        """One window at 100 ms of latency: TCP, TLS and the first request take 0.4 s of a new connection's time."""
        new = max(0, connections - self._warm)
        effective = connections - new * 0.4 / WINDOW_SECONDS
        self._warm = connections
        noise = self._random.uniform(1 - self._noise, 1 + self._noise)
        return replace(WAITING, bytes_per_second=self.capacity(effective) * noise)


@given(ceiling=st.floats(4.5, 20), noise=st.floats(0, 0.03), seed=st.integers(0, 1000))
def test_the_ramp_reaches_most_of_what_a_source_can_bring_within_seconds(
    ceiling: float, noise: float, seed: int
) -> None:
    # It gives up twice the connections for less than 1 + WORTH times the throughput, as far as noise lets it see.
    most = (1 - noise) / (1 + noise) / (1 + WORTH)
    assert reaches(most, Source(ceiling=ceiling * 1e6, noise=noise, seed=seed), seconds=6)


@pytest.mark.parametrize(("noise", "seconds"), [(0.1, 6), (0.2, 15), (0.3, 20), (0.5, 40)])
def test_noise_delays_the_ramp_and_does_not_stop_it(noise: float, seconds: float) -> None:
    reached = [reaches(0.8, Source(ceiling=20e6, noise=noise, seed=seed), seconds=seconds) for seed in range(200)]

    assert sum(reached) >= 0.95 * len(reached)


def reaches(share: float, source: Source, *, seconds: float) -> bool:
    ramp = Ramp(limit=START, maximum=20)
    for _ in range(int(seconds / WINDOW_SECONDS)):
        ramp = ramp.after(source.window(ramp.limit))
        if source.capacity(ramp.before or ramp.limit) >= share * source.capacity(20):
            return True
    return False


@given(ceiling=st.floats(0.5, 4), noise=st.floats(0, 0.05), seed=st.integers(0, 1000))
def test_the_ramp_stays_at_its_start_where_that_is_enough(ceiling: float, noise: float, seed: int) -> None:
    source = Source(ceiling=ceiling * 1e6, noise=noise, seed=seed)
    ramp = Ramp(limit=START, maximum=20)
    for _ in range(int(30 / WINDOW_SECONDS)):
        ramp = ramp.after(source.window(ramp.limit))

        assert ramp.limit == START or ramp.before == START
