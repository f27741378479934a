"""Which further headers a request to a source may carry, and which would break it or the connection."""

import re

from collectionsync.source import RESERVED_HEADERS

# A token, and visible characters with spaces between them (RFC 9110, sections 5.1 and 5.5).
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_VALUE = re.compile(r"[\x20-\x7e]{0,8192}", re.ASCII)
_MOST = 64


def problem_of(name: str, value: str) -> str | None:
    """Return why no request can carry this header, as the end of a sentence that starts with its name; None if it can.

    What is said holds nothing of the value.
    """
    if not _NAME.fullmatch(name):
        return "is not the name of a header"
    if not _VALUE.fullmatch(value):
        return "has a value that is too long, or holds what a header cannot: line breaks, control characters, non-ASCII"
    if name.lower() in RESERVED_HEADERS:
        return "is for collectionsync itself to set, or for nobody: answers and connections depend on it"
    if name.lower() == "proxy-authorization":
        return "is for the proxy, which has a Secret of its own: the one that proxySecretRef names"
    return None


def read_lines(text: str) -> list[tuple[str, str]]:
    """Return the headers that a text has, one `Name: value` a line; lines with nothing in them are passed over.

    Raises:
        ValueError: a line is no header that a request can carry. The message is an end of a sentence, with the number
            of the line and nothing of a value.
    """
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            # Not shown: it may be a value whose name was forgotten.
            raise ValueError(f"line {number} is not a header in the form `Name: value`")
        value = value.strip()
        if problem := problem_of(name, value):
            raise ValueError(f"line {number}: {name} {problem}")
        if name.lower() in found:
            raise ValueError(f"line {number}: {name} is there twice")
        found[name.lower()] = name, value
    if len(found) > _MOST:
        raise ValueError(f"more than {_MOST} headers")
    return list(found.values())
