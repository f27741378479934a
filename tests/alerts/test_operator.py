"""When the alerts of the operator are quiet, however near it is, and what else they fire of."""

from alerts.promtool import Rules
from alerts.series import every, mirror, operator, restarted
from alerts.situations import OPERATOR_ABSENT, QUEUE_STUCK, WATCH_STALE

RESYNCS = every(10, until=2000)
DEAF = operator(
    {
        "last_resync_timestamp_seconds": RESYNCS,
        'missed_changes_total{kind="Job"}': "0x9 2x9 2x2000",
        'missed_changes_total{kind="CollectionSync"}': "0x2000",
        'last_watch_event_timestamp_seconds{kind="Job"}': "0x2000",
        'last_watch_event_timestamp_seconds{kind="CollectionSync"}': "0x2000",
    }
)
"""A watch that told of something at minute 0 and never since, though a list found changes at minute 10."""


# CollectionSyncQueueStuck


def test_a_queue_is_as_it_should_be_while_runs_end(rules: Rules) -> None:
    series = QUEUE_STUCK.but(last_attempt_timestamp_seconds=every(45, until=2000))
    rules.expect(QUEUE_STUCK.alert, 44, 100, 800, series=series)


def test_an_operator_without_a_queue_is_quiet_however_long_no_run_ends(rules: Rules) -> None:
    rules.expect(QUEUE_STUCK.alert, 1900, series=QUEUE_STUCK.but(queued_runs="0x2000"))


def test_a_queue_that_is_gone_within_an_hour_is_quiet(rules: Rules) -> None:
    rules.expect(QUEUE_STUCK.alert, 70, 100, series=QUEUE_STUCK.but(queued_runs="3x65 0x2000"))


def test_a_queue_of_an_operator_none_of_whose_runs_has_ever_ended_is_stuck_after_an_hour(rules: Rules) -> None:
    series = QUEUE_STUCK.but(last_attempt_timestamp_seconds="_x2000")
    rules.expect(QUEUE_STUCK.alert, 59, series=series)
    rules.expect(QUEUE_STUCK.alert, 60, series=series, told=[QUEUE_STUCK.told])


def test_runs_of_another_operator_make_no_room(rules: Rules) -> None:
    others = mirror({"last_attempt_timestamp_seconds": every(5, until=2000)}, name="other", pod="other-1")
    minute = QUEUE_STUCK.minute
    rules.expect(QUEUE_STUCK.alert, minute, series=QUEUE_STUCK.series | others, told=[QUEUE_STUCK.told])


def test_a_queue_of_another_operator_is_its_own_affair(rules: Rules) -> None:
    series = operator({"queued_runs": "3x2000"}, namespace="elsewhere")
    rules.expect(QUEUE_STUCK.alert, 1000, series=series)


# CollectionSyncOperatorAbsent


def test_an_operator_that_is_there_is_quiet(rules: Rules) -> None:
    rules.expect(OPERATOR_ABSENT.alert, 1000, series=operator({"last_resync_timestamp_seconds": RESYNCS}))


def test_an_operator_that_was_never_there_is_absent(rules: Rules) -> None:
    rules.expect(OPERATOR_ABSENT.alert, 10, series={}, told=[OPERATOR_ABSENT.told])


def test_an_operator_that_is_served_by_nobody_else_is_absent_though_another_is_there(rules: Rules) -> None:
    other = operator({"last_resync_timestamp_seconds": RESYNCS}, namespace="elsewhere")
    rules.expect(OPERATOR_ABSENT.alert, 10, series=other, told=[OPERATOR_ABSENT.told])


def test_an_operator_that_never_comes_to_list_anything_is_absent(rules: Rules) -> None:
    series = operator({"reconciles_total": "0x2000"})
    rules.expect(OPERATOR_ABSENT.alert, 10, series=series, told=[OPERATOR_ABSENT.told])


def test_an_operator_that_is_back_within_ten_minutes_is_quiet(rules: Rules) -> None:
    series = restarted(operator({"last_resync_timestamp_seconds": RESYNCS}), minute=100, minutes=10)
    rules.expect(OPERATOR_ABSENT.alert, 105, 109, 112, 115, 120, series=series)


def test_an_operator_that_is_back_ends_it(rules: Rules) -> None:
    series = operator({"last_resync_timestamp_seconds": "60x5 _x30 2160x100"})
    rules.expect(OPERATOR_ABSENT.alert, 35, series=series, told=[OPERATOR_ABSENT.told])
    rules.expect(OPERATOR_ABSENT.alert, 36, series=series)


# CollectionSyncWatchStale


def test_an_operator_that_lists_every_ten_minutes_is_quiet_though_nothing_ever_changes(rules: Rules) -> None:
    series = WATCH_STALE.but(last_resync_timestamp_seconds=RESYNCS)
    rules.expect(WATCH_STALE.alert, 42, 1000, series=series)


def test_two_lists_that_failed_one_after_the_other_are_quiet(rules: Rules) -> None:
    series = WATCH_STALE.but(last_resync_timestamp_seconds=every(30, until=2000))
    rules.expect(WATCH_STALE.alert, 29, 59, 89, 600, series=series)


def test_an_operator_that_is_told_of_nothing_though_lists_find_changes_is_told_of(rules: Rules) -> None:
    rules.expect(WATCH_STALE.alert, 24, series=DEAF)
    rules.expect(WATCH_STALE.alert, 25, series=DEAF, told=[WATCH_STALE.told])


def test_one_watch_that_tells_of_nothing_is_told_of_though_the_others_tell_of_much(rules: Rules) -> None:
    others = operator(
        {
            f'last_watch_event_timestamp_seconds{{kind="{kind}"}}': every(1, until=2000)
            for kind in ("CollectionSync", "Pod")
        }
    )
    assert others.keys() & DEAF.keys()
    rules.expect(WATCH_STALE.alert, 24, series=DEAF | others)
    rules.expect(WATCH_STALE.alert, 25, series=DEAF | others, told=[WATCH_STALE.told])


def test_a_change_that_a_list_found_a_moment_before_the_watch_told_of_it_is_quiet(rules: Rules) -> None:
    told = 'collectionsync_operator_last_watch_event_timestamp_seconds{namespace="tools",pod="operator-1",kind="Job"}'
    assert told in DEAF
    rules.expect(WATCH_STALE.alert, 25, 30, 35, 40, 60, series=DEAF | {told: "0x9 600x2000"})


def test_a_restart_makes_an_operator_see_again(rules: Rules) -> None:
    before = {name: f"{values.split()[0].partition('x')[0]}x40 stale" for name, values in WATCH_STALE.series.items()}
    after = operator({"last_resync_timestamp_seconds": "_x43 2580x2000"}, pod="operator-2")
    rules.expect(WATCH_STALE.alert, 42, series=before | after, told=[WATCH_STALE.told])
    rules.expect(WATCH_STALE.alert, 43, series=before | after)


def test_an_operator_that_is_down_is_absent_and_not_stale(rules: Rules) -> None:
    series = {name: f"{values.split()[0].partition('x')[0]}x5 stale" for name, values in WATCH_STALE.series.items()}
    rules.expect(WATCH_STALE.alert, 20, 42, 100, series=series)


def test_another_operator_that_sees_nothing_is_told_of_by_its_own_rules(rules: Rules) -> None:
    other = {name.replace('"tools"', '"elsewhere"'): values for name, values in WATCH_STALE.series.items()}
    rules.expect(WATCH_STALE.alert, 100, series=other)
