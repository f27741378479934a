"""Which hosts a run may ask for collections: each of them is to be spared. PURE.

Those that a requirements.yml names are not among them, since the operator never reads one.
"""

from urllib.parse import urlsplit

from collectionsync.resource import CollectionSync


def source_host(resource: CollectionSync) -> str:
    """Return the host of spec.source without its port: the machine, or the company, that runs must not overrun."""
    return _host(resource.spec.source.url)


def source_hosts(resource: CollectionSync) -> tuple[str, ...]:
    """Return the hosts of all sources that the spec names, each once, that of spec.source first.

    A collection's source may be the name of one of spec.sources, which is no host of its own.
    """
    spec = resource.spec
    urls = [spec.source.url, *(source.url for source in spec.sources)]
    urls += [each.source for each in spec.collections or () if each.source and "://" in each.source]
    return tuple(dict.fromkeys(filter(None, map(_host, urls))))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""  # of a collection's source, which its worker explains
