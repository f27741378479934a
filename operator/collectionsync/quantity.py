"""Quantities and durations as Kubernetes writes them, since people write them in manifests and read them in status.

Pure and tiny: the worker imports this, and pays for what it imports. It must know nothing of the resource, nor decide
which amounts are sensible.
"""

import re

_MAXIMUM = 2**63 - 1
_MAXIMUM_SECONDS = _MAXIMUM / 1e9
_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
# Suffix to (multiplier, divisor), as in the API page "Quantity": DecimalSI goes down to nano, also for memory.
_SUFFIXES: dict[str, tuple[int, int]] = {
    **{suffix: (1024**power, 1) for power, suffix in enumerate(("", *_BINARY))},
    **{suffix: (1000**power, 1) for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{suffix: (1, 1000**power) for power, suffix in enumerate(("m", "u", "n"), start=1)},
}
_QUANTITY = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3})|([A-Za-z]*))")
_LONGEST = 64

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def parse_bytes(quantity: str | int) -> int:
    """Return a quantity such as `64Mi`, `1.5G`, `1e8` or `67108864` in bytes; a fraction of a byte counts as one.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

    Raises:
        ValueError: it is no quantity, is negative, or is more than 2^63-1.
    """
    number = _parsed(quantity) if isinstance(quantity, str) else quantity
    if number < 0:
        raise ValueError(f"{quantity} is negative, and an amount of bytes cannot be")
    if number > _MAXIMUM:
        raise ValueError(f"{quantity} is more than Kubernetes counts, which is 2^63-1")
    return number


def _parsed(quantity: str) -> int:
    match = _QUANTITY.fullmatch(quantity) if len(quantity) <= _LONGEST else None
    whole, fraction, exponent, suffix = match.groups("") if match else ("", "", "", "")
    if not (whole or fraction) or suffix not in _SUFFIXES:
        raise ValueError(f"{quantity[:_LONGEST]!r} is no quantity; expected a number and a unit, such as 64Mi or 1.5G")
    multiplier, divisor = _SUFFIXES[suffix]
    power = int(exponent or "0") - len(fraction)
    numerator = int(f"{whole}{fraction}") * multiplier * 10 ** max(power, 0)
    divisor *= 10 ** max(-power, 0)
    return -int(-numerator // divisor)


def parse_seconds(duration: str) -> float:
    """Return a duration such as `1h30m`, `10s` or `500ms` in seconds.

    The grammar is Go's (https://pkg.go.dev/time#ParseDuration) without signs and without units below `ms`: what
    the resource's schema admits.

    Raises:
        ValueError: it is no duration, or is longer than the 292 years that Go counts.
    """
    parts = _DURATION_PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration[:_LONGEST]!r} is no duration; expected numbers with units, such as 1h30m or 500ms")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds >= _MAXIMUM_SECONDS:
        raise ValueError(f"{duration[:_LONGEST]!r} is longer than Kubernetes counts, which is 292 years")
    return seconds


def format_bytes(size: int) -> str:
    """Return `size` bytes for people, as a quantity that parse_bytes reads: `57Mi`, `1.3Gi`, `512`; rounded."""
    scaled, unit = float(size), ""
    for suffix in _BINARY:
        # What would be rounded up to 1024 belongs to the next unit.
        if scaled < 1023.5:
            break
        scaled, unit = scaled / 1024, suffix
    digits = f"{scaled:.1f}" if unit and scaled < 9.95 else f"{scaled:.0f}"
    return digits.removesuffix(".0") + unit


def exact_bytes(size: int) -> str:
    """Return `size` bytes as a quantity that means exactly as many, in the largest binary unit: `64Mi`, `1536Mi`."""
    unit = ""
    for suffix in _BINARY:
        if not size or size % 1024:
            break
        size, unit = size // 1024, suffix
    return f"{size}{unit}"


def format_seconds(seconds: float) -> str:
    """Return a duration for people, as one that parse_seconds reads: `0.4s`, `1m12s`, `3h5m`; rounded."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    # What would be rounded up to an hour is told in hours, and there nobody asks for seconds.
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        minutes, rest = round(seconds / 60), 0
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
