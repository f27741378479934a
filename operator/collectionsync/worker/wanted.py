"""What a resource asks for, as far as its manifest alone decides that: which sources, ranges and exceptions.

Nothing is looked up at a source here; a requirements.yml is a file by now.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from yarl import URL

from collectionsync.galaxy.versions import InvalidRange, Range
from collectionsync.manifest import ManifestError
from collectionsync.resource import CollectionRequirement, ConfigMapKeyRef, Source, Spec


class ConfigMapNotFoundError(ManifestError):
    """A ConfigMap that the manifest names is not there, or lacks the key."""

    reason = "ConfigMapNotFound"


@dataclass(frozen=True, slots=True)
class Place:
    """A source, and the field of the manifest that names it."""

    field: str
    source: Source


@dataclass(frozen=True, slots=True)
class Want:
    """A requirement of the user's: versions of a collection, at the source with this number among the places."""

    name: str
    range: str
    place: int
    latest: int | None
    signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that is asked for. `places` begins with spec.source, and dependencies are looked for in its order."""

    places: tuple[Place, ...]
    wants: tuple[Want, ...]
    excludes: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def wanted(spec: Spec, config_maps: Path | None) -> Wanted:
    """Return what a resource asks for; `config_maps` is the folder of its ConfigMaps, DIR/<name>/<key>.

    Raises:
        ManifestError: a range is none, a source is not known, or a requirements.yml cannot be used.
    """
    path, collections = "spec.collections", spec.collections or ()
    warnings: tuple[str, ...] = ()
    if spec.requirements_from is not None:
        reference, path = spec.requirements_from.config_map_key_ref, "spec.requirementsFrom"
        path = f"{path} ({reference.key})"
        # Imported here: its structs are of use to no other manifest.
        from collectionsync.requirements import read_requirements

        collections, warnings = read_requirements(_config_map(reference, config_maps), path=path)
    places = [Place("spec.source", spec.source)]
    places += [Place(f"spec.sources[{index}]", source) for index, source in enumerate(spec.sources)]
    wants = [
        Want(
            each.name,
            _range(f"{path}[{index}].version", each.version),
            _place(path, each, spec, places),
            each.latest or spec.latest,
            each.signatures,
        )
        for index, each in enumerate(collections)
    ]
    excludes = [
        (each.name, _range(f"spec.exclude[{index}].version", each.version)) for index, each in enumerate(spec.exclude)
    ]
    return Wanted(tuple(places), tuple(_merged(wants)), tuple(excludes), warnings)


def _merged(wants: list[Want]) -> Iterator[Want]:
    """Yield each range of a collection at a place once: what is written in two ways is still one."""
    by_meaning: dict[tuple[str, str, int], list[Want]] = {}
    for want in wants:
        by_meaning.setdefault((want.name, want.range, want.place), []).append(want)
    for same in by_meaning.values():
        limits = [want.latest for want in same]
        latest = None if None in limits else max(limit for limit in limits if limit is not None)
        signatures = dict.fromkeys(url for want in same for url in want.signatures)
        yield replace(same[0], latest=latest, signatures=tuple(signatures))


def digest(spec: Spec, asked: Wanted, *, store_url: str | None) -> str:
    """Identify what is asked for, whatever the order: only a run of the same plan is resumed, or needs nothing done."""
    places = [place.source.url for place in asked.places]
    parts = [
        sorted((want.name, want.range, places[want.place], want.latest, want.signatures) for want in asked.wants),
        sorted(asked.excludes),
        places,
        [spec.all, spec.dependencies, spec.signed_only, spec.mirror, spec.latest, spec.prereleases],
        [spec.content_policy, spec.verify, store_url],
    ]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _range(path: str, text: str) -> str:
    try:
        return str(Range.parse(text))
    except InvalidRange as error:
        raise ManifestError(path, str(error)) from error


def _place(path: str, requirement: CollectionRequirement, spec: Spec, places: list[Place]) -> int:
    """Return the number of the requirement's source; one that only the requirement names is added to the places."""
    if requirement.source is None:
        return 0
    named = [""] + [source.name for source in spec.sources]
    if requirement.source in named:
        return named.index(requirement.source)
    asked = _spelt(requirement.source)
    for number, place in enumerate(places):
        if _spelt(place.source.url) == asked:
            return number
    if URL(asked).scheme != "https":
        known = ", ".join(repr(name) for name in named[1:]) or "which is empty"
        problem = f"{requirement.source!r} is neither an https URL nor the name or URL of one of spec.sources ({known})"
        raise ManifestError(path, f"the source of {requirement.name}, {problem}")
    # Whoever writes a requirements.yml names a server, and no credentials for it: it is asked as by anybody.
    places.append(Place("spec.sources[]", Source(url=requirement.source, rate_limit=spec.source.rate_limit)))
    return len(places) - 1


def _spelt(url: str) -> str:
    return url.rstrip("/") + "/"


def _config_map(reference: ConfigMapKeyRef, folder: Path | None) -> bytes:
    field = "spec.requirementsFrom.configMapKeyRef"
    if folder is None:
        option = f"--config-maps DIR, where DIR/{reference.name}/{reference.key} is the file"
        raise ConfigMapNotFoundError(field, f"ConfigMap {reference.name!r} is needed; pass {option}")
    file = folder / reference.name / reference.key
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        problem = f"ConfigMap {reference.name!r} is missing, or has no key {reference.key!r} (looked for {file})"
        raise ConfigMapNotFoundError(field, problem) from None
    except OSError as error:
        raise ManifestError(field, f"{file} cannot be read ({error.strerror})") from error
