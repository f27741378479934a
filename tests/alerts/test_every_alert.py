"""What holds of every alert: it fires in the situation that it is for, lasts as long as that, and keeps its labels."""

import pytest

from alerts.promtool import Rules
from alerts.series import gone, interrupted, restarted
from alerts.situations import ABSENT, OF_MIRRORS, OF_SERVERS, OOM_KILLED, QUEUE_STUCK, SITUATIONS, Situation

WAITING = tuple(each for each in SITUATIONS if each not in (OOM_KILLED, *ABSENT))
"""Those that must be so for a while."""


def test_promtool_finds_no_fault_with_the_rules(rules: Rules) -> None:
    rules.check()


def test_there_is_a_situation_for_each_alert(rules: Rules) -> None:
    assert {each.alert for each in SITUATIONS} == rules.alerts


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_it_fires_in_its_situation_and_says_so(rules: Rules, situation: Situation) -> None:
    told = situation.told_at(situation.minute)
    rules.expect(situation.alert, situation.minute, series=situation.series, told=[told])


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_it_does_not_fire_a_minute_earlier(rules: Rules, situation: Situation) -> None:
    rules.expect(situation.alert, situation.minute - 1, series=situation.series)


@pytest.mark.parametrize("situation", OF_MIRRORS, ids=str)
def test_it_does_not_fire_of_a_resource_that_is_suspended(rules: Rules, situation: Situation) -> None:
    series = situation.but(suspended="1x2000")
    rules.expect(situation.alert, situation.minute + 5, series=series)


@pytest.mark.parametrize("situation", OF_MIRRORS, ids=str)
def test_it_tells_of_each_resource_by_its_own_name(rules: Rules, situation: Situation) -> None:
    other = {
        series.replace('"community"', '"other"'): values for series, values in situation.but(suspended="1x2000").items()
    }
    rules.expect(
        situation.alert,
        situation.minute,
        series=situation.series | other,
        told=[situation.told_at(situation.minute)],
    )


@pytest.mark.parametrize("situation", OF_MIRRORS, ids=str)
def test_it_ends_with_its_resource_within_ten_minutes(rules: Rules, situation: Situation) -> None:
    series = gone(situation.series, minute=situation.minute + 2)
    rules.expect(situation.alert, situation.minute + 2 + 10, series=series)


@pytest.mark.parametrize("down", [False, True], ids=["nobody scrapes", "the target is down"])
@pytest.mark.parametrize("situation", WAITING, ids=str)
def test_a_gap_of_eight_minutes_does_not_make_it_wait_anew(rules: Rules, situation: Situation, down: bool) -> None:
    series = interrupted(situation.series, minute=situation.minute - 9, minutes=8, target_is_down=down)
    rules.expect(situation.alert, situation.minute, series=series, told=[situation.told_at(situation.minute)])


@pytest.mark.parametrize("situation", [each for each in SITUATIONS if each not in ABSENT], ids=str)
def test_a_gap_of_eight_minutes_does_not_end_it(rules: Rules, situation: Situation) -> None:
    back = situation.minute + 1 + 8
    series = interrupted(situation.series, minute=situation.minute + 1, minutes=8, target_is_down=True)
    rules.expect(situation.alert, back, series=series, told=[situation.told_at(back)])


@pytest.mark.parametrize(
    "situation", [*OF_MIRRORS, QUEUE_STUCK, *(each for each in OF_SERVERS if each not in ABSENT)], ids=str
)
def test_a_restart_of_whoever_tells_does_not_make_it_wait_anew(rules: Rules, situation: Situation) -> None:
    series = restarted(situation.series, minute=situation.minute - 9, minutes=3)
    rules.expect(situation.alert, situation.minute, series=series, told=[situation.told_at(situation.minute)])
