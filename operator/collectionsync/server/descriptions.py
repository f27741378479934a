"""The parts of the OpenAPI description that are the same for every route: words, parameters, responses, headers."""

from collections.abc import Mapping
from typing import Any

Part = dict[str, Any]

INFO = """\
A read-only mirror of Ansible collections, as Galaxy's v3 API has them. Each repository has an API of its own, which \
`ansible-galaxy` takes as a server: `ansible-galaxy collection install -s {url}/NAMESPACE/REPOSITORY/api/ COLLECTION`.

Every path is there with and without a slash at its end. HEAD is answered as GET is, without a body. Who accepts gzip \
is sent it. Who names the ETag of what they have is answered 304. Requests wait while the server is busy, and are \
never answered 429. One repository may be at `/api/` as well."""

TAGS = {
    "Repository": "Where the API of a repository is, and whether anything in it has changed.",
    "Collections": "Collections, their versions and their artifacts.",
    "Namespaces": "What the owners of namespaces say of them.",
    "Server": "The server itself, for everybody.",
}

_NAMESPACE = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_REPOSITORY = "^[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_NAME = "[a-z_][a-z0-9_]{0,63}"
_VERSION = r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"


def _in_path(name: str, pattern: str, text: str, example: str, most: int) -> Part:
    schema = {"type": "string", "pattern": pattern, "maxLength": most}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema, "example": example}


PATH_PARAMETERS: Mapping[str, Part] = {
    parameter["name"]: parameter
    for parameter in (
        _in_path("repository_namespace", _NAMESPACE, "The Kubernetes namespace of the repository.", "default", 63),
        _in_path("repository", _REPOSITORY, "The repository, as `spec.target.repository` names it.", "default", 63),
        _in_path("content", _REPOSITORY, "The repository's name once more.", "default", 63),
        _in_path("namespace", f"^{_NAME}$", "The namespace of a collection.", "community", 64),
        _in_path("name", f"^{_NAME}$", "The name of a collection within its namespace.", "crypto", 64),
        _in_path("version", f"^{_VERSION}$", "A semantic version; `+` may be sent as it is.", "2.26.1", 128),
        _in_path(
            *("filename", rf"^{_NAME}-{_NAME}-{_VERSION}\.tar\.gz$", "The name of an artifact."),
            *("community-crypto-2.26.1.tar.gz", 300),
        ),
    )
}


def _in_header(name: str, text: str) -> Part:
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


REQUEST_HEADERS: Mapping[str, Part] = {
    parameter["name"]: parameter
    for parameter in (
        _in_header(
            "If-None-Match", "ETags of what the client has: it is sent nothing but 304 while one of them is right."
        ),
        _in_header(
            "If-Modified-Since", "The Last-Modified of what the client has; as If-None-Match, which comes first."
        ),
        _in_header("If-Match", "The only ETag that the client wants anything of; 412 otherwise."),
        _in_header("If-Unmodified-Since", "The latest Last-Modified that the client wants anything of; 412 otherwise."),
        _in_header("Range", "One range of bytes, such as `bytes=0-1023`. What is no such range is passed over."),
        _in_header("If-Range", "The ETag or Last-Modified that the range is of; if that is not right, all is sent."),
    )
}


def _header(text: str, pattern: str | None = None, *, always: bool = True) -> Part:
    schema = {"type": "string"} | ({"pattern": pattern} if pattern else {})
    return {"description": text, "required": always, "schema": schema}


HEADERS: Mapping[str, Part] = {
    "ETag": _header("What this body is known by.", r'^(W/)?"[!#-~]+"$'),
    "Cache-Control": _header(
        "Every cache asks again, and answers to who had to say who they are are kept by nobody else."
    ),
    "Allow": _header("What may be asked with.", "^GET, HEAD$"),
    "WWW-Authenticate": _header("How to say who you are.", "^Basic realm="),
    "Retry-After": _header("After how many seconds to try again.", "^[0-9]+$"),
    "Content-Range": _header("Which part of how many bytes.", r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$"),
    "Location": _header("Where the object store has it, for some minutes.", "^https?://"),
}


def _response(text: str, *headers: str, error: str = "Errors") -> Part:
    response: Part = {"description": text}
    if headers:
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    if error:
        response["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}}
    return response


_PART = _response("The part that was asked for.", "ETag", "Cache-Control", "Content-Range", error="")
RESPONSES: Mapping[str, tuple[str, Part]] = {
    "Part": ("206", _PART | {"content": {"application/gzip": {}}}),
    "Elsewhere": (
        "302",
        _response("The object store has it, and takes no credentials of this server.", "Location", error=""),
    ),
    "NotModified": ("304", _response("The client has it already.", "ETag", "Cache-Control", error="")),
    "Invalid": ("400", _response("The request makes no sense; the error says why.")),
    "NotAuthenticated": (
        "401",
        _response("Who asks may not read the repository, whether it is there or not.", "WWW-Authenticate"),
    ),
    "NotFound": ("404", _response("There is no such thing; the error says which.")),
    "NotAllowed": ("405", _response("The server is read-only.", "Allow")),
    "ConditionFailed": ("412", _response("The artifact is not the one that the request is about.")),
    "NoSuchPart": ("416", _response("The artifact ends before the range begins.", "Content-Range")),
    "Unavailable": ("503", _response("The database or the object store is not there now.", "Retry-After")),
    "Unready": ("503", _response("Repositories cannot be read now.", error="Unready")),
}
"""By name: the status, and the response."""

SECURITY_SCHEMES: Mapping[str, Part] = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token` and a token, as ansible-galaxy sends it.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same token."},
    "basic": {"type": "http", "scheme": "basic", "description": "A user and a password, or any user and a token."},
}
SECURITY: list[Part] = [{}, *({name: []} for name in SECURITY_SCHEMES)]
"""Whether credentials are needed is up to the repository."""

QUERY_SCHEMAS: Mapping[str, Part] = {
    "limit": {"type": "integer", "minimum": 1, "default": 10},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
    "boolean": {"type": "string", "enum": ["true", "false", "1", "0"]},
    "string": {"type": "string"},
}
"""By the name of a parameter, else by its kind."""
