"""What PostgreSQL's text, its indexes, and a terminal can take of what a source says."""

MESSAGE_LENGTH = 500
NAME_LENGTH = 64
"""The longest namespace or name of a collection, in characters, that Galaxy servers know."""


def storable(text: str, length: int = MESSAGE_LENGTH) -> str:
    """Return `text` of at most `length` characters, with what PostgreSQL's text or a terminal cannot take replaced."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: length + 1])
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def affected(tag: str) -> int:
    """Read the number of rows out of a command tag such as `INSERT 0 5` or `UPDATE 3`."""
    return int(tag.rsplit(" ", 1)[1])
