"""When the alerts of the server are quiet, however near it is, and what else they fire of."""

from alerts.promtool import Rules
from alerts.series import restarted, server
from alerts.situations import (
    OF_SERVERS,
    SERVER_ABSENT,
    SERVER_DATABASE_DOWN,
    SERVER_ERRORS,
    SERVER_MEMORY_NEAR_LIMIT,
    SERVER_SLOW,
    Situation,
)


def quiet(rules: Rules, situation: Situation, *minutes: int, **values: str) -> None:
    """Have no alert of this name fire, at any of these minutes, in what differs from the situation by these values."""
    rules.expect(situation.alert, *minutes, series=situation.but(**values))


def by(pod: str, series: dict[str, str]) -> dict[str, str]:
    """The same of another pod."""
    return {name.replace('"server-1"', f'"{pod}"'): values for name, values in series.items()}


def test_a_server_of_another_release_is_told_of_by_its_own_rules(rules: Rules) -> None:
    here = server({"database_up": "1x2000"}, pod="here")
    for situation in OF_SERVERS:
        other = {name.replace('"tools"', '"elsewhere"'): values for name, values in situation.series.items()}
        rules.expect(situation.alert, situation.minute + 5, series=here | other)


# CollectionSyncServerAbsent


def test_a_server_that_was_never_there_is_absent(rules: Rules) -> None:
    rules.expect(SERVER_ABSENT.alert, 10, series={}, told=[SERVER_ABSENT.told])


def test_a_server_that_waits_for_its_database_is_there(rules: Rules) -> None:
    rules.expect(SERVER_ABSENT.alert, 100, series=server({"database_up": "0x2000"}))


def test_a_server_that_is_back_within_ten_minutes_is_quiet(rules: Rules) -> None:
    series = restarted(server({"database_up": "1x2000"}), minute=100, minutes=10)
    rules.expect(SERVER_ABSENT.alert, 105, 109, 112, 115, 120, series=series)


# CollectionSyncServerDatabaseDown


def test_a_database_that_is_back_within_ten_minutes_is_quiet(rules: Rules) -> None:
    quiet(rules, SERVER_DATABASE_DOWN, 10, 15, 60, database_up="0x9 1x2000")


def test_a_pod_that_reaches_the_database_serves_for_one_that_does_not(rules: Rules) -> None:
    series = SERVER_DATABASE_DOWN.series | server({"database_up": "1x2000"}, pod="server-2")
    rules.expect(SERVER_DATABASE_DOWN.alert, 60, series=series)


def test_pods_none_of_which_reaches_the_database_are_one_alarm(rules: Rules) -> None:
    series = SERVER_DATABASE_DOWN.series | by("server-2", SERVER_DATABASE_DOWN.series)
    rules.expect(SERVER_DATABASE_DOWN.alert, 60, series=series, told=[SERVER_DATABASE_DOWN.told])


# CollectionSyncServerErrors


def test_one_error_in_many_requests_is_quiet(rules: Rules) -> None:
    series = SERVER_ERRORS.series | server({'requests_total{route="collections",code="200"}': "0+11x2000"})
    rules.expect(SERVER_ERRORS.alert, 16, 600, series=series)


def test_errors_of_a_moment_are_quiet_however_few_requests_there_are(rules: Rules) -> None:
    few = server(
        {
            'requests_total{route="artifact",code="500"}': "0x29 3x2000",
            'requests_total{route="version",code="200"}': "0x29 1x2000",
        }
    )
    rules.expect(SERVER_ERRORS.alert, 31, 44, 45, 46, 60, series=few)


def test_a_pod_that_is_not_ready_is_no_error(rules: Rules) -> None:
    series = server(
        {
            'requests_total{route="ready",code="503"}': "0+90x2000",
            'requests_total{route="version",code="200"}': "0+1x2000",
        }
    )
    rules.expect(SERVER_ERRORS.alert, 600, series=series)


def test_what_is_missing_or_refused_is_no_error_of_the_server(rules: Rules) -> None:
    series = {
        name.replace('"503"', f'"{code}"'): SERVER_ERRORS.series[name]
        for name in SERVER_ERRORS.series
        for code in (401, 404)
    }
    rules.expect(SERVER_ERRORS.alert, 600, series=series)


def test_errors_while_the_database_is_down_have_an_alert_of_their_own(rules: Rules) -> None:
    quiet(rules, SERVER_ERRORS, 16, 60, database_up="0x2000")


def test_errors_from_before_the_database_was_back_are_quiet(rules: Rules) -> None:
    series = SERVER_ERRORS.series | server({"database_up": "0x59 1x2000"})
    errors = next(name for name in series if '"503"' in name)
    rules.expect(SERVER_ERRORS.alert, 61, 74, 75, 76, 90, series=series | {errors: "0+9x60 540x2000"})


# CollectionSyncServerMemoryNearLimit


def test_a_server_with_room_to_spare_is_quiet(rules: Rules) -> None:
    quiet(rules, SERVER_MEMORY_NEAR_LIMIT, 600, peak_rss_bytes="89x2000")


def test_page_cache_that_fills_the_cgroup_is_no_need_of_memory(rules: Rules) -> None:
    quiet(rules, SERVER_MEMORY_NEAR_LIMIT, 600, peak_rss_bytes="60x2000", cgroup_peak_memory_bytes="100x2000")


def test_pages_that_others_are_charged_for_are_no_need_of_memory(rules: Rules) -> None:
    quiet(rules, SERVER_MEMORY_NEAR_LIMIT, 600, peak_rss_bytes="95x2000", cgroup_peak_memory_bytes="80x2000")


def test_resident_memory_counts_where_no_cgroup_tells(rules: Rules) -> None:
    series = {name: values for name, values in SERVER_MEMORY_NEAR_LIMIT.series.items() if "_cgroup_" not in name}
    rules.expect(SERVER_MEMORY_NEAR_LIMIT.alert, 15, series=series, told=[SERVER_MEMORY_NEAR_LIMIT.told])


def test_the_pod_that_is_closest_to_its_limit_counts(rules: Rules) -> None:
    roomy = {"peak_rss_bytes": "50x2000", "cgroup_peak_memory_bytes": "50x2000", "memory_limit_bytes": "100x2000"}
    series = SERVER_MEMORY_NEAR_LIMIT.series | server(roomy, pod="server-2")
    rules.expect(SERVER_MEMORY_NEAR_LIMIT.alert, 15, series=series, told=[SERVER_MEMORY_NEAR_LIMIT.told])


def test_a_pod_that_was_replaced_is_forgotten_within_ten_minutes(rules: Rules) -> None:
    before = {name: f"{values.partition('x')[0]}x19 stale" for name, values in SERVER_MEMORY_NEAR_LIMIT.series.items()}
    rules.expect(SERVER_MEMORY_NEAR_LIMIT.alert, 30, series=before)


# CollectionSyncServerSlow


def test_large_answers_take_as_long_as_their_clients_take(rules: Rules) -> None:
    series = {name.replace('"versions"', '"artifact"'): values for name, values in SERVER_SLOW.series.items()}
    rules.expect(SERVER_SLOW.alert, 600, series=series)


def test_a_server_whose_small_answers_take_less_than_that_is_quiet(rules: Rules) -> None:
    series = {name: values.replace("0+90x", "0+100x") for name, values in SERVER_SLOW.series.items()}
    rules.expect(SERVER_SLOW.alert, 600, series=series)


def test_some_slow_minutes_are_quiet(rules: Rules) -> None:
    slow = {name: values.replace("x2000", "x14") for name, values in SERVER_SLOW.series.items()}
    calm = {name: f"{values} {values.partition('+')[2].partition('x')[0]}00x2000" for name, values in slow.items()}
    rules.expect(SERVER_SLOW.alert, 31, 60, series=calm)


def test_a_server_that_nobody_asks_is_not_slow(rules: Rules) -> None:
    series = dict.fromkeys(SERVER_SLOW.series, "0x2000")
    rules.expect(SERVER_SLOW.alert, 600, series=series)
