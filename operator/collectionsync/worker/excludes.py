"""Which versions are left out, whoever asks for them: by the resource, and by the source's own list."""

import hashlib
from collections.abc import Iterable

from collectionsync.galaxy.versions import InvalidRange, Range


class Excludes:
    """Ranges by the collections that they are of."""

    def __init__(self, rules: Iterable[tuple[str, str]]) -> None:
        rules = sorted(rules)
        self.sha256 = hashlib.sha256(repr(rules).encode()).hexdigest()
        """Tells whether the rules are those of before."""
        self.unreadable: list[str] = []
        """Rules whose range is none, as messages have them: a source may say anything."""
        self._ranges: dict[str, list[Range]] = {}
        for name, text in rules:
            try:
                self._ranges.setdefault(name, []).append(Range.parse(text))
            except InvalidRange as error:
                self.unreadable.append(f"{name}: {error}")

    def leave_out(self, name: str, version: str) -> bool:
        """Say whether a version of the collection (`namespace.name`) is left out; it is a valid version."""
        return any(excluded.matches(version) for excluded in self._ranges.get(name, ()))
