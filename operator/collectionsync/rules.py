"""What the types of a resource cannot say: each rule in CEL, for the API server, and in Python, for the command line.

They stand side by side so that neither refuses what the other takes; tests hold them together. A rule decides about one
resource alone and looks nothing up.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from collectionsync.quantity import parse_bytes, parse_seconds
from collectionsync.resource import (
    ArtifactStore,
    CollectionRequirement,
    CollectionSync,
    CollectionType,
    ContentPolicy,
    Fetch,
    Limits,
    OnError,
    Spec,
    Target,
    Verify,
)
from collectionsync.source import RESERVED_HEADERS, SECRET_HEADERS, Header, Source, Timeouts

MAX_NAME_LENGTH = 52
"""The longest name of a resource, in characters: a Job's name adds a dash and ten hexadecimal digits to it."""


# Each means the same to RE2 and to Python, and is told to both.
_PINNED = "^={0,2}[0-9][^,*]*$"
_PERCENTAGE = "^(100|[1-9]?[0-9])%$"
_STORE = "^((s3|gs|az|azure|abfs|abfss)://[^/]+(/.*)?|file:///.+)$"
_CONTAINER_OF_ACCOUNT = "^abfss?://[a-z0-9]([-a-z0-9]*[a-z0-9])?@[^@]+$"
# Go refuses a URL with one of them, and Python takes it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNKNOWN_SOURCE = "a source is one of spec.sources, by name or URL, or an https URL"


class Rule(NamedTuple):
    """One rule on values of the struct `on`, and of those that are derived from it.

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


def is_pinned(version: str) -> bool:
    """Whether a range, as a manifest spells it, is one version, as which ansible-galaxy takes a pre-release, too."""
    return re.match(_PINNED, version) is not None


def _is_duration(text: str) -> bool:
    return parse_seconds(text) >= 0


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        if _CONTROL.search(text):
            return False
        # To ask for the port is to have it checked.
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _scheme(source: Source) -> str:
    return source.url.partition(":")[0].lower()


def _has_known_sources(spec: Spec) -> bool:
    known = {spec.source.url, *(text for source in spec.sources for text in (source.name, source.url))}
    for each in spec.collections or ():
        if each.source is not None and each.source not in known and not each.source.startswith("https://"):
            # A URL may hold a password all the same; what it may not hold is judged later.
            shown = "a URL" if ":" in each.source else repr(each.source)
            raise ValueError(f"the source of {each.name}, {shown}, is not known; {_UNKNOWN_SOURCE}")
    return True


def _has_each_source_once(spec: Spec) -> bool:
    urls = [spec.source.url, *(source.url for source in spec.sources)]
    return len(set(urls)) == len(urls)


def _is_limit(limit: int | str) -> bool:
    return limit >= 0 if isinstance(limit, int) else re.match(_PERCENTAGE, limit) is not None


def _lists(words: frozenset[str]) -> str:
    """Return a list of words as CEL has it."""
    return f"[{','.join(repr(word) for word in sorted(words))}]"


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
        "recheckInterval",
        "duration(self) >= duration('1m')",
        "recheckInterval: at least 1m",
        lambda duration: parse_seconds(duration) >= 60,
        of_field=True,
    ),
    Rule(
        Spec,
        "maxSkipped",
        f"type(self) == int ? self >= 0 : self.matches('{_PERCENTAGE}')",
        "maxSkipped: a number, or a percentage from 0% to 100%",
        _is_limit,
        of_field=True,
    ),
    Rule(
        Spec,
        "maxSkipped",
        "!has(self.maxSkipped) || !has(self.onError) || self.onError == 'Skip'",
        "maxSkipped needs onError: Skip",
        lambda spec: spec.max_skipped is None or spec.on_error is OnError.SKIP,
    ),
    # Where artifacts go may be said beforehand; a check that checks nothing would be taken for one.
    Rule(
        Spec,
        "verify",
        "!has(self.verify) || self.verify != 'Members' || (has(self.contentPolicy) && self.contentPolicy == 'Full')",
        "verify: Members needs contentPolicy: Full",
        lambda spec: spec.verify is not Verify.MEMBERS or spec.content_policy is ContentPolicy.FULL,
    ),
    Rule(
        Spec,
        "sources",
        "!has(self.sources) || self.sources.all(s, s.url != self.source.url"
        " && self.sources.exists_one(t, t.url == s.url))",
        "sources: each URL once, and not that of source",
        _has_each_source_once,
    ),
    Rule(
        Spec,
        "collections",
        "!has(self.collections) || self.collections.all(c, !has(c.source) || c.source.startsWith('https://')"
        " || c.source == self.source.url"
        " || (has(self.sources) && self.sources.exists(s, s.name == c.source || s.url == c.source)))",
        f"collections: {_UNKNOWN_SOURCE}",
        _has_known_sources,
    ),
    Rule(
        CollectionRequirement,
        "source",
        "!has(self.source) || !self.source.contains(':') || (isURL(self.source)"
        " && url(self.source).getScheme() in ['http','https'] && url(self.source).getHostname() != '')",
        "source: must be a name in spec.sources, or an https URL",
        lambda each: ":" not in (each.source or "") or _is_web_url(each.source),
    ),
    Rule(
        CollectionRequirement,
        "source",
        "!has(self.source) || !self.source.contains('@')",
        "source: credentials belong in the Secret of one of spec.sources",
        lambda requirement: "@" not in (requirement.source or ""),
    ),
    Rule(
        CollectionRequirement,
        "type",
        "self == 'galaxy'",
        "type: a mirror has what a Galaxy server published; build the collection, upload it to one, and leave type out",
        lambda kind: kind is CollectionType.GALAXY,
        of_field=True,
    ),
    Rule(
        CollectionRequirement,
        "signatures",
        f"!has(self.signatures) || size(self.signatures) == 0 || self.version.matches('{_PINNED}')",
        "signatures: only for a version that is a single one, such as 1.2.3",
        lambda requirement: not requirement.signatures or is_pinned(requirement.version),
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
    Rule(
        Source,
        "headers",
        "!has(self.headers)"
        " || self.headers.all(h, self.headers.exists_one(g, g.name.lowerAscii() == h.name.lowerAscii()))",
        "headers: each name once, in whatever case",
        lambda source: len({header.name.lower() for header in source.headers}) == len(source.headers),
    ),
    Rule(
        Header,
        "name",
        f"!(self.lowerAscii() in {_lists(RESERVED_HEADERS)})",
        "name: a header that is not for a resource to set",
        lambda name: name.lower() not in RESERVED_HEADERS,
        of_field=True,
    ),
    Rule(
        Header,
        "name",
        f"!(self.name.lowerAscii() in {_lists(SECRET_HEADERS)})",
        "name: a credential, which belongs in the Secret of secretRef",
        lambda header: header.name.lower() not in SECRET_HEADERS,
    ),
    *(
        Rule(
            Timeouts,
            field,
            "duration(self) >= duration('100ms')",
            f"{field}: at least 100ms",
            lambda duration: parse_seconds(duration) >= 0.1,
            of_field=True,
        )
        for field in ("connect", "read", "total")
    ),
    Rule(
        ArtifactStore,
        "url",
        f"self.url.matches('{_STORE}')",
        "url: must be s3, gs, az, azure, abfs or abfss with a bucket, or file:///FOLDER",
        lambda store: re.match(_STORE, store.url) is not None,
    ),
    Rule(
        ArtifactStore,
        "url",
        f"!self.url.contains('@') || self.url.matches('{_CONTAINER_OF_ACCOUNT}')",
        "url: credentials of a store belong in the Secret of secretRef",
        lambda store: "@" not in store.url or re.match(_CONTAINER_OF_ACCOUNT, store.url) is not None,
    ),
    Rule(
        ArtifactStore,
        "url",
        "!self.url.contains('?') && !self.url.contains('#')",
        "url: no query and no fragment; settings belong in the Secret of secretRef",
        lambda store: not set("?#") & set(store.url),
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
