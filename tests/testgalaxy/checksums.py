"""CRC-32 of joined pieces, out of the pieces' own checksums.

A gzip stream ends with the CRC of everything in it. Documents here are made of pieces that hundreds of documents share:
going over all their bytes again for every answer would cost more than sending them. The CRC of two pieces after each
other follows from their CRCs and the second one's length, by arithmetic in GF(2).
"""

_POLYNOMIAL = 0xEDB88320
_TOP = 1 << 31
# x**0 in the reflected representation: a shift by no bytes at all.
NO_SHIFT = _TOP


def _multiply(a: int, b: int) -> int:
    """The product of two polynomials modulo CRC-32's."""
    product = 0
    bit = _TOP
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


def _squarings() -> tuple[int, ...]:
    """x**(2**n) for n = 0..34: enough for lengths in bytes up to 4 GiB."""
    powers = [1 << 30]
    while len(powers) < 35:
        powers.append(_multiply(powers[-1], powers[-1]))
    return tuple(powers)


_SQUARINGS = _squarings()


def shift_of(length: int) -> int:
    """What a CRC is multiplied with when `length` bytes follow."""
    shift = NO_SHIFT
    bits = length * 8
    for power in _SQUARINGS:
        if bits & 1:
            shift = _multiply(power, shift)
        bits >>= 1
    return shift


def append(crc: int, shift: int, following: int) -> int:
    """The CRC of a piece with CRC `crc`, followed by one with CRC `following` whose length makes `shift`."""
    return _multiply(shift, crc) ^ following
