"""What a source of collections is, as a resource says it: a server, and how it is talked to.

Types, bounds and descriptions, as in `resource`, of which this is a part; what types cannot say is in `rules`.
"""

from typing import Annotated

from msgspec import Meta

from collectionsync.pod_template import ObjectName, Part

RESERVED_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers, in lower case, that are for the worker to set, or for nobody: answers and connections depend on them."""
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers, in lower case, that are credentials, and have no place in a resource that anybody may read."""

Duration = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$", max_length=40, examples=["1h30m", "500ms"])]
Url = Annotated[str, Meta(pattern=r"^\S+$", max_length=2048, examples=["https://galaxy.ansible.com/api/"])]
_HeaderName = Annotated[
    str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=128, examples=["X-Forwarded-For"])
]
# No white space around it, which HTTP takes away.
_HeaderValue = Annotated[
    str, Meta(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$", max_length=2048, examples=["mirror of example.org"])
]
# As ansible.cfg may call a server in its server_list, so that a requirements.yml can be taken as it is.
_SourceName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$", max_length=63, examples=["automation_hub"])
]


class SecretRef(Part, frozen=True, kw_only=True):
    """A Secret in the namespace of the resource."""

    name: Annotated[ObjectName, Meta(description="The name of the Secret.")]


class Header(Part, frozen=True, kw_only=True):
    """A header of every request to a source."""

    name: Annotated[_HeaderName, Meta(description="The name of the header; none that the worker sets itself.")]
    value: Annotated[_HeaderValue, Meta(description="Its value, in ASCII and for all to read.")]


class Timeouts(Part, frozen=True, kw_only=True):
    """How long a source is waited for before a request counts as failed, and is tried again."""

    connect: Annotated[Duration, Meta(description="Until there is a connection; at least 100ms.")] = "10s"
    read: Annotated[
        Duration, Meta(description="Until an answer begins, and from each piece of it to the next; at least 100ms.")
    ] = "30s"
    total: Annotated[Duration, Meta(description="Until the whole answer has come; at least 100ms.")] = "15m"


class Source(Part, frozen=True, kw_only=True):
    """A Galaxy v3 server, and how it is talked to."""

    url: Annotated[Url, Meta(description="The root of the server's API, such as https://galaxy.ansible.com/api/.")]
    insecure: Annotated[bool, Meta(description="Whether plain HTTP is meant; it must be true for an http URL.")] = False
    secret_ref: Annotated[
        SecretRef | None,
        Meta(
            description="The Secret with the credentials: token; token, auth_url and, if need be, client_id of a"
            " refresh token; or username and password. Its key headers has further headers, one per line."
        ),
    ] = None
    cert_secret_ref: Annotated[
        SecretRef | None,
        Meta(description="The Secret with ca.crt to trust, and tls.crt and tls.key to show, each PEM and optional."),
    ] = None
    proxy_secret_ref: Annotated[
        SecretRef | None,
        Meta(
            description="The Secret of the proxy on the way to the source: address, such as http://proxy:3128, and"
            " username and password if it wants them."
        ),
    ] = None
    rate_limit: Annotated[
        Annotated[float, Meta(gt=0, le=1000)] | None,
        Meta(description="The most requests per second to the source; without it, only the source itself sets a pace."),
    ] = None
    headers: Annotated[
        tuple[Header, ...],
        Meta(
            max_length=16,
            description="Further headers of every request to the source; secret ones belong in its Secret.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    timeouts: Annotated[Timeouts, Meta(description="How long the source is waited for.")] = Timeouts()


class NamedSource(Source, frozen=True, kw_only=True):
    """A further Galaxy v3 server, for collections that name it, and for dependencies that the first does not have."""

    name: Annotated[_SourceName, Meta(description="What the source of a collection calls this server.")]
