"""gzip for those who ask for it: what they accept, and bodies compressed piece by piece."""

import zlib

STATE_BYTES = 104 * 1024
"""What a body that is being compressed takes, beside its pieces."""

# By measurement on real docs of 4 MB, half of the time of level 6 for 7 % more bytes: 0.25 ms for a piece of 32 KiB.
_LEVEL = 4
# A window of 16 KiB and small tables instead of 256 KiB in all, for 6 % more bytes.
_WINDOW_BITS = 14
_MEMORY_LEVEL = 6
_GZIP = 16


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether gzip is wanted (RFC 9110, section 12.5.3): named, or meant by `*`, and not with a weight of 0."""
    if not accept_encoding:
        return False
    named: bool | None = None
    star = False
    for element in accept_encoding.split(","):
        coding, _, parameters = element.partition(";")
        coding = coding.strip().lower()
        if coding in ("gzip", "x-gzip"):
            named = _weight(parameters) > 0
        elif coding == "*":
            star = _weight(parameters) > 0
    return star if named is None else named


def _weight(parameters: str) -> float:
    name, _, text = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(text)
    except ValueError:
        return 0.0


class Gzip:
    """A body on its way."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP + _WINDOW_BITS, _MEMORY_LEVEL)

    def feed(self, piece: bytes) -> bytes:
        """Return what is ready once `piece` is in."""
        return self._compressor.compress(piece)

    def finish(self) -> bytes:
        """Return the rest."""
        return self._compressor.flush()
