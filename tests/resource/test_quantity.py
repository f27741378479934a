"""Quantities and durations mean what Kubernetes takes them for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.quantity import exact_bytes, format_bytes, format_seconds, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        (0, 0),
        (67108864, 67108864),
        ("67108864", 67108864),
        ("+5", 5),
        ("1Ki", 1024),
        ("64Mi", 64 * 1024**2),
        ("2Gi", 2 * 1024**3),
        ("1Ti", 1024**4),
        ("1Pi", 1024**5),
        ("7Ei", 7 * 1024**6),
        ("1k", 1000),
        ("1M", 10**6),
        ("1G", 10**9),
        ("1T", 10**12),
        ("1P", 10**15),
        ("1E", 10**18),
        ("1.5Gi", 1610612736),
        (".5Gi", 536870912),
        ("5.Ki", 5120),
        ("1e3", 1000),
        ("1.5E3", 1500),
        ("12e-1", 2),
        ("128974848000m", 128974848),
        ("0.1", 1),
        ("1u", 1),
        ("0n", 0),
    ],
)
def test_a_quantity_is_read_in_bytes(quantity: str | int, size: int) -> None:
    assert parse_bytes(quantity) == size


@pytest.mark.parametrize(
    "quantity",
    ["", "Mi", ".", "64 Mi", "64MiB", "64mi", "64KI", "0x10", "1e", "1e1000", "1_000", "٣Mi", "-1", "64Mi\n", "1" * 65],
)
def test_what_is_no_quantity_is_refused_with_an_example(quantity: str) -> None:
    with pytest.raises(ValueError, match="is no quantity; expected a number and a unit, such as 64Mi"):
        parse_bytes(quantity)


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        parse_bytes(-1)


@pytest.mark.parametrize("quantity", [2**63, "8Ei", "1e999", "9223372036854775808"])
def test_more_than_kubernetes_counts_is_refused(quantity: str | int) -> None:
    with pytest.raises(ValueError, match="more than Kubernetes counts"):
        parse_bytes(quantity)


@given(st.text(max_size=80))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    try:
        size = parse_bytes(text)
    except ValueError:
        return
    assert 0 <= size < 2**63


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (512, "512"),
        (1023, "1023"),
        (1024, "1Ki"),
        (1536, "1.5Ki"),
        (59768832, "57Mi"),
        (64 * 1024**2, "64Mi"),
        (1024**2 - 1, "1Mi"),
        (1400000000, "1.3Gi"),
        (10 * 1024**3 - 1, "10Gi"),
        (2**63 - 1, "8Ei"),
    ],
)
def test_bytes_are_written_for_people(size: int, text: str) -> None:
    assert format_bytes(size) == text


@given(st.integers(min_value=0, max_value=2**62))
def test_what_is_written_for_people_is_read_back_within_a_twentieth(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == pytest.approx(size, rel=0.05)


@given(st.integers(min_value=1, max_value=1023), st.integers(min_value=0, max_value=5))
def test_whole_units_survive_the_way_there_and_back(number: int, power: int) -> None:
    size = number * 1024**power
    assert parse_bytes(format_bytes(size)) == size


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("10s", 10),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("0s", 0),
        ("1h1m1s1ms", 3661.001),
        ("30m30m", 3600),
    ],
)
def test_a_duration_is_read_in_seconds(duration: str, seconds: float) -> None:
    assert parse_seconds(duration) == pytest.approx(seconds)


@pytest.mark.parametrize("duration", ["", "10", "s", "1d", "-1h", "1h 30m", "1H", ".5h", "1h30", "٣s", "10s\n", "1us"])
def test_what_is_no_duration_is_refused_with_an_example(duration: str) -> None:
    with pytest.raises(ValueError, match="is no duration; expected numbers with units, such as 1h30m"):
        parse_seconds(duration)


def test_a_duration_beyond_what_go_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="292 years"):
        parse_seconds("9999999999h")


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int, thousandths: int) -> None:
    expected = hours * 3600 + minutes * 60 + seconds + thousandths / 1000
    assert parse_seconds(f"{hours}h{minutes}m{seconds}s{thousandths}ms") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1000, "1000"),
        (1024, "1Ki"),
        (64 * 1024**2, "64Mi"),
        (1536 * 1024**2, "1536Mi"),
        (64 * 1024**2 + 1, "67108865"),
        (2**62, "4Ei"),
    ],
)
def test_an_exact_quantity_takes_the_largest_unit_without_a_remainder(size: int, text: str) -> None:
    assert exact_bytes(size) == text


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_an_exact_quantity_is_read_back_as_it_was(size: int) -> None:
    assert parse_bytes(exact_bytes(size)) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0s"),
        (0.44, "0.4s"),
        (1, "1s"),
        (9.949, "9.9s"),
        (9.95, "10s"),
        (59.4, "59s"),
        (59.6, "1m"),
        (72.3, "1m12s"),
        (1800, "30m"),
        (3599.4, "59m59s"),
        (3599.6, "1h"),
        (11100, "3h5m"),
        (11129, "3h5m"),
        (360000, "100h"),
    ],
)
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@given(st.floats(min_value=0, max_value=1e8))
def test_a_duration_for_people_is_read_back_to_the_precision_that_it_shows(seconds: float) -> None:
    shown = 0.05 if seconds < 9.95 else 0.5 if seconds < 3599.5 else 30
    assert parse_seconds(format_seconds(seconds)) == pytest.approx(seconds, abs=shown + 1e-6)
