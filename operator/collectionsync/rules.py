"""What the types of a resource cannot say: each rule in CEL, for the API server, and in Python, for the command line.

They stand side by side so that neither refuses what the other takes; tests hold them together. A rule decides about one
resource alone and looks nothing up.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from collectionsync.quantity import parse_bytes, parse_seconds
from collectionsync.resource import CollectionSync, Fetch, Limits, Source, Spec, Target

MAX_NAME_LENGTH = 52
"""The longest name of a resource, in characters: a Job's name adds a dash and ten hexadecimal digits to it."""


class Rule(NamedTuple):
    """One rule on values of the struct `on`.

    `field` is to blame, by its name in a manifest; empty where the struct as a whole is. `self` in `cel` is the struct,
    or the field's value where `of_field` is true; such a rule is silent about a field that is not set. `message` is
    what the API server says. `holds` is the same in Python, of the same `self`; a ValueError of it is a better message.
    None where only a change can break the rule.
    """

    on: type[Struct]
    field: str
    cel: str
    message: str
    holds: Callable[[Any], bool] | None
    of_field: bool = False


def _is_duration(text: str) -> bool:
    return parse_seconds(text) >= 0


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # To ask for the port is to have it checked.
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _scheme(source: Source) -> str:
    return source.url.partition(":")[0].lower()


RULES: tuple[Rule, ...] = (
    Rule(
        CollectionSync,
        "metadata.name",
        f"size(self.metadata.name) <= {MAX_NAME_LENGTH}",
        f"metadata.name: at most {MAX_NAME_LENGTH} characters",
        lambda resource: len(resource.metadata.name) <= MAX_NAME_LENGTH,
    ),
    Rule(
        Spec,
        "",
        "[has(self.collections), has(self.all) && self.all, has(self.requirementsFrom)].filter(x, x).size() == 1",
        "exactly one of collections, all, requirementsFrom",
        lambda spec: [spec.collections is not None, spec.all, spec.requirements_from is not None].count(True) == 1,
    ),
    Rule(
        Spec,
        "",
        "!(has(self.schedule) && has(self.interval))",
        "schedule and interval exclude each other",
        lambda spec: spec.schedule is None or spec.interval is None,
    ),
    Rule(
        Spec,
        "interval",
        "!has(self.interval) || duration(self.interval) >= duration('1m')",
        "interval: at least 1m",
        lambda spec: spec.interval is None or parse_seconds(spec.interval) >= 60,
    ),
    Rule(
        Spec,
        "timeout",
        "!has(self.timeout) || duration(self.timeout) >= duration('1s')",
        "timeout: at least 1s",
        lambda spec: parse_seconds(spec.timeout) >= 1,
    ),
    Rule(Spec, "jitter", "duration(self) >= duration('0s')", "jitter: must be a duration", _is_duration, of_field=True),
    Rule(
        Spec,
        "startingDeadline",
        "duration(self) >= duration('0s')",
        "startingDeadline: must be a duration",
        _is_duration,
        of_field=True,
    ),
    Rule(
        Spec,
        "suspendReason",
        "!has(self.suspendReason) || (has(self.suspend) && self.suspend)",
        "suspendReason needs suspend: true",
        lambda spec: spec.suspend_reason is None or spec.suspend,
    ),
    Rule(
        Source,
        "url",
        "isURL(self.url) && url(self.url).getScheme() in ['http','https'] && url(self.url).getHostname() != ''",
        "url: must be an http or https URL",
        lambda source: _is_web_url(source.url),
    ),
    Rule(
        Source,
        "url",
        "!self.url.contains('@')",
        "url: credentials belong in the Secret of secretRef",
        lambda source: "@" not in source.url,
    ),
    Rule(
        Source,
        "url",
        "url(self.url).getScheme() != 'http' || (has(self.insecure) && self.insecure)",
        "url: http needs insecure: true",
        lambda source: _scheme(source) != "http" or source.insecure,
    ),
    Rule(
        Source,
        "insecure",
        "url(self.url).getScheme() != 'https' || !(has(self.insecure) && self.insecure)",
        "insecure: https excludes insecure: true",
        lambda source: _scheme(source) != "https" or not source.insecure,
    ),
    Rule(Target, "repository", "self == oldSelf", "repository is immutable", None, of_field=True),
    Rule(
        Fetch,
        "maxInFlight",
        "type(self) == int ? self >= 1048576 : quantity(self).compareTo(quantity('1Mi')) >= 0",
        "maxInFlight: at least 1Mi",
        lambda quantity: parse_bytes(quantity) >= parse_bytes("1Mi"),
        of_field=True,
    ),
    Rule(
        Limits,
        "memory",
        "type(self) == int ? self >= 33554432 : quantity(self).compareTo(quantity('32Mi')) >= 0",
        "memory: at least 32Mi",
        lambda quantity: parse_bytes(quantity) >= parse_bytes("32Mi"),
        of_field=True,
    ),
)
"""Every rule, in the order in which they are checked."""
