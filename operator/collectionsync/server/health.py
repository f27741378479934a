"""Whether the server lives and can answer, and how it is used: for everybody, and without the database."""

import json

from collectionsync.server.answers import Answer, Body
from collectionsync.server.call import Call
from collectionsync.server.holdings import Holdings
from collectionsync.server.refusals import refusal_of

_OK = b'{"status":"ok"}'
_INDEX = (
    "This is a mirror of Ansible collections. Install from it with"
    " `ansible-galaxy collection install -s {origin}{prefix}/NAMESPACE/REPOSITORY/api/ NAMESPACE.NAME`.\n"
)


async def index(holdings: Holdings, call: Call) -> Answer:
    """Say how to use the server, as text: after JSON with 200 clients would not go on to /api."""
    text = _INDEX.format(origin=call.origin, prefix=holdings.prefix)
    return Body(text.encode(), content_type="text/plain; charset=utf-8")


async def healthy(_: Holdings, __: Call) -> Answer:
    """Say that the process answers."""
    return Body(_OK)


async def ready(holdings: Holdings, _: Call) -> Answer:
    """Say whether repositories can be read, and why not."""
    # Everybody may ask: what PostgreSQL said is in the log alone.
    problem = holdings.sessions.problem
    if holdings.stopping:
        reason = "the server is shutting down"
    elif problem is None:
        return Body(_OK)
    else:
        reason = refusal_of(problem).detail
    return Body(json.dumps({"status": "unavailable", "reason": reason}).encode(), status=503)


async def openapi(holdings: Holdings, call: Call) -> Answer:
    """Describe all of this."""
    # Imported here: most servers are never asked for it.
    from collectionsync.server.openapi import description

    return Body(json.dumps(description(f"{call.origin}{holdings.prefix}")).encode())
