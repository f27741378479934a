"""When the alerts of a resource are quiet, however near it is, and what else they fire of."""

from dataclasses import replace

from alerts.promtool import Rules
from alerts.series import every, gone, mirror, restarted
from alerts.situations import DEGRADED, MEMORY_NEAR_LIMIT, NO_SUCCESS, NOT_READY, OOM_KILLED, OUT_OF_SYNC, Situation


def quiet(rules: Rules, situation: Situation, *minutes: int, **values: str) -> None:
    """Have no alert of this name fire, at any of these minutes, in what differs from the situation by these values."""
    rules.expect(situation.alert, *minutes, series=situation.but(**values))


# CollectionSyncNotReady


def test_a_resource_that_is_ready_is_quiet(rules: Rules) -> None:
    quiet(rules, NOT_READY, 600, status_condition="1x2000")


def test_a_run_that_is_tried_again_and_succeeds_within_an_hour_wakes_nobody(rules: Rules) -> None:
    quiet(rules, NOT_READY, 55, 61, 600, status_condition="1x5 0x52 1x2000")


def test_a_run_that_succeeds_in_between_begins_a_new_hour(rules: Rules) -> None:
    quiet(rules, NOT_READY, 61, 100, status_condition="0x49 1 0x2000")


def test_a_resource_that_was_deleted_while_it_was_not_ready_is_quiet(rules: Rules) -> None:
    rules.expect(NOT_READY.alert, 60, 65, 75, series=gone(NOT_READY.series, minute=45))


def test_a_resource_none_of_whose_runs_has_ended_is_told_of_without_a_reason(rules: Rules) -> None:
    series = mirror({'status_condition{type="Ready",status="True"}': "0x2000", "suspended": "0x2000"})
    sentence = "Its last run ended with the reason SourceUnavailable. "
    told = replace(NOT_READY.told, description=NOT_READY.told.description.replace(sentence, ""))
    rules.expect(NOT_READY.alert, 60, series=series, told=[told])


# CollectionSyncOutOfSync


def test_a_late_run_that_starts_within_fifteen_minutes_is_quiet(rules: Rules) -> None:
    quiet(rules, OUT_OF_SYNC, 15, 60, status_condition="1x14 0x2000")


def test_a_late_run_that_starts_after_a_restart_of_the_operator_is_quiet(rules: Rules) -> None:
    """The pod before has said that it is late, and is remembered for ten minutes."""
    series = restarted(OUT_OF_SYNC.but(status_condition="1x4 0x2000"), minute=5, minutes=2)
    rules.expect(OUT_OF_SYNC.alert, 14, 15, 16, series=series)


# CollectionSyncOOMKilled


def test_runs_that_failed_for_any_other_reason_are_quiet(rules: Rules) -> None:
    other = {name.replace("OOMKilled", "SourceUnavailable"): values for name, values in OOM_KILLED.series.items()}
    rules.expect(OOM_KILLED.alert, 10, series=other)


def test_a_resource_that_has_never_been_killed_is_quiet(rules: Rules) -> None:
    quiet(rules, OOM_KILLED, 10, runs_total="0x2000", last_run_info="_x2000")


def test_a_run_that_was_killed_is_told_of_for_an_hour_though_the_next_one_succeeds_at_once(rules: Rules) -> None:
    series = OOM_KILLED.but(runs_total="0x4 1x2000", last_run_info="_x2000")
    rules.expect(OOM_KILLED.alert, 5, 40, 64, series=series, told=[OOM_KILLED.told])
    rules.expect(OOM_KILLED.alert, 65, series=series)


def test_a_last_run_that_was_killed_is_told_of_as_long_as_there_is_no_better_one(rules: Rules) -> None:
    series = OOM_KILLED.series
    rules.expect(OOM_KILLED.alert, 1500, series=series, told=[OOM_KILLED.told])


def test_a_run_that_was_killed_while_the_operator_was_down_is_told_of(rules: Rules) -> None:
    """The new operator has counted it before anybody has scraped it: there is no increase."""
    series = OOM_KILLED.but(runs_total="1x2000", last_run_info="1x2000")
    rules.expect(OOM_KILLED.alert, 0, series=series, told=[OOM_KILLED.told])


def test_the_first_run_that_is_killed_after_a_restart_is_told_of(rules: Rules) -> None:
    before = OOM_KILLED.but(runs_total="5x9 stale", last_run_info="_x10", suspended="0x9 stale")
    after = OOM_KILLED.but(runs_total="_x12 0x7 1x2000", last_run_info="_x2000", suspended="_x12 0x2000")
    series = before | {name.replace("operator-1", "operator-2"): values for name, values in after.items()}
    rules.expect(OOM_KILLED.alert, 19, series=series)
    rules.expect(OOM_KILLED.alert, 20, series=series, told=[OOM_KILLED.told])


def test_a_counter_that_begins_anew_with_the_operator_is_quiet(rules: Rules) -> None:
    series = restarted(OOM_KILLED.but(runs_total="5x9 0x2000", last_run_info="_x2000"), minute=10, minutes=2)
    rules.expect(OOM_KILLED.alert, 12, 20, 40, series=series)


# CollectionSyncMemoryNearLimit


def test_a_run_that_was_killed_is_not_told_of_as_one_that_came_near(rules: Rules) -> None:
    killed = {name.replace('"Succeeded"', '"OOMKilled"'): values for name, values in MEMORY_NEAR_LIMIT.series.items()}
    rules.expect(MEMORY_NEAR_LIMIT.alert, 60, series=killed)


def test_a_limit_that_was_raised_in_time_is_quiet(rules: Rules) -> None:
    quiet(rules, MEMORY_NEAR_LIMIT, 15, 60, status_condition="1x14 0x2000")


# CollectionSyncDegraded


def test_what_the_next_run_of_the_day_has_found_is_quiet(rules: Rules) -> None:
    quiet(rules, DEGRADED, 1440, 1600, status_condition="1x1430 0x500")


# CollectionSyncNoSuccess


def test_a_resource_that_succeeds_each_period_is_quiet(rules: Rules) -> None:
    quiet(rules, NO_SUCCESS, 150, 600, last_success_timestamp_seconds=every(60, until=2000))


def test_a_resource_that_has_missed_one_of_its_times_is_quiet(rules: Rules) -> None:
    quiet(rules, NO_SUCCESS, 119, 121, 239, 241, last_success_timestamp_seconds=every(120, until=2000))


def test_a_resource_without_a_period_is_never_late(rules: Rules) -> None:
    series = {name: values for name, values in NO_SUCCESS.series.items() if "_expected_since_" not in name}
    rules.expect(NO_SUCCESS.alert, 1900, series=series)


def test_a_resource_that_was_just_created_is_quiet(rules: Rules) -> None:
    quiet(rules, NO_SUCCESS, 120, 149, last_success_timestamp_seconds="_x2000")


def test_a_resource_that_has_never_succeeded_is_late_by_its_age(rules: Rules) -> None:
    series = NO_SUCCESS.but(last_success_timestamp_seconds="_x2000")
    told = replace(NO_SUCCESS, since=0).told_at(150)
    rules.expect(NO_SUCCESS.alert, 150, series=series, told=[told])


def test_a_resource_that_is_resumed_after_long_has_half_an_hour_for_its_run(rules: Rules) -> None:
    succeeded = "600x620 37260x2000"  # ten minutes after minute 610
    quiet(rules, NO_SUCCESS, 600, 611, 620, 641, suspended="1x610 0x2000", last_success_timestamp_seconds=succeeded)


def test_a_resource_that_is_resumed_and_does_not_succeed_is_late(rules: Rules) -> None:
    series = NO_SUCCESS.but(suspended="1x609 0x2000")
    rules.expect(NO_SUCCESS.alert, 640, series=series, told=[NO_SUCCESS.told_at(640)])


def test_a_night_without_runs_after_hours_of_work_does_not_end_it(rules: Rules) -> None:
    series = NO_SUCCESS.but(success_expected_since_timestamp_seconds="0x119 3600x59 7200x1000")
    for minute in (150, 200, 700, 1100):
        rules.expect(NO_SUCCESS.alert, minute, series=series, told=[NO_SUCCESS.told_at(minute)])


def test_a_success_ends_it_at_once(rules: Rules) -> None:
    quiet(rules, NO_SUCCESS, 171, last_success_timestamp_seconds="600x170 10260x2000")
