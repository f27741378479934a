"""What the texts of options mean, to argparse: each returns the value, or says what was expected instead."""

import argparse


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT; without a host it is loopback."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def count(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def size(text: str) -> int:
    """Read a quantity of memory, such as 64Mi, in bytes."""
    from collectionsync.quantity import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seconds(text: str) -> float:
    """Read a number of seconds, less than a day."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found


def repository(text: str) -> tuple[str, str]:
    """Read NAMESPACE/NAME."""
    namespace, slash, name = text.partition("/")
    if not namespace or not name or "/" in name or not slash:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAMESPACE/NAME")
    return namespace, name
