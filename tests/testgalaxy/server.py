"""The server: one catalog over HTTP on loopback, with faults and a log of what was asked.

    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})) as galaxy:
        galaxy.url, galaxy.faults, galaxy.requests, galaxy.catalog

What to answer is decided in `views`, without sockets; those are in `listening`. Here are the credentials.
"""

import base64
import hmac
from dataclasses import replace
from typing import Self

from testgalaxy import views
from testgalaxy.catalog import Catalog
from testgalaxy.certificates import Certificates, make_certificates
from testgalaxy.layout import Layout, direct_layout, pulp_layout
from testgalaxy.listening import Listening
from testgalaxy.replies import Reply, json_reply
from testgalaxy.requestlog import Request
from testgalaxy.storage import ObjectStorage
from testgalaxy.views import Answer


class TestGalaxy(Listening):
    """A Galaxy v3 server for as long as the context lasts.

    `redirects` chooses the layout of a real Pulp (legacy paths answer 302); without it every path answers directly.
    `unpaged` serves the lists of everything, as a Pulp does; without it they are not found, as in Galaxy NG.
    With `gzip`, clients that accept it get documents compressed. `token`, or `username` and `password`, ask for
    credentials. `tls` is True for a certificate of a CA of its own (`ca_pem`, `certificates`), or certificates made
    elsewhere. With `storage`, artifacts and avatars come from another server, `galaxy.storage`, as from S3.
    """

    __test__ = False

    def __init__(
        self,
        catalog: Catalog | None = None,
        *,
        redirects: bool = True,
        unpaged: bool = True,
        latency: float = 0.0,
        tls: bool | Certificates = False,
        gzip: bool = False,
        storage: bool = False,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        certificates = tls if isinstance(tls, Certificates) else make_certificates() if tls else None
        catalog = catalog if catalog is not None else Catalog()
        super().__init__(catalog, latency=latency, certificates=certificates, gzip=gzip, host=host, port=port)
        self._storage = ObjectStorage(catalog, certificates=certificates, host=host) if storage else None
        self._redirects = redirects
        self._unpaged = unpaged
        self._token = token
        self._basic = f"{username}:{password}" if username is not None else None

    @property
    def url(self) -> str:
        """What a person writes down as the server's URL: where discovery begins."""
        return self.layout.url

    @property
    def storage(self) -> ObjectStorage:
        """The other server, with `storage`: it has faults and a log of its own."""
        assert self._storage is not None, "the server keeps its artifacts itself"
        return self._storage

    @property
    def ca_pem(self) -> bytes:
        """The CA that a client must trust, with `tls`."""
        assert self.certificates is not None, "the server does not speak TLS"
        return self.certificates.ca_pem

    def put_file(self, name: str, data: bytes) -> str:
        """Serve anything at all, such as a signature that a requirement names; gives the URL."""
        self.catalog.files[name] = data
        return f"{self.origin}{self.layout.files}/{name}"

    async def __aenter__(self) -> Self:
        if self._storage is not None:
            await self._storage.__aenter__()
        return await super().__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await super().__aexit__(*error)
        if self._storage is not None:
            await self._storage.__aexit__(*error)

    def layout_at(self, origin: str) -> Layout:
        """The layout that was chosen."""
        made = (pulp_layout if self._redirects else direct_layout)(origin)
        return replace(made, unpaged=self._unpaged, storage=self._storage.origin if self._storage else None)

    def answer(self, entry: Request) -> Answer:
        """What the protocol says, if the credentials are right."""
        found = views.answer(self.catalog, self.layout, entry.path)
        return found if self._is_allowed(entry, found.kind) else Answer(found.kind, _unauthenticated())

    def _is_allowed(self, entry: Request, kind: str) -> bool:
        """Credentials are asked for everywhere but at the root and outside the API, as a real Pulp has it."""
        if (self._token is None and self._basic is None) or kind == "root":
            return True
        open_folders = (self.layout.artifacts, self.layout.namespaces, self.layout.media, self.layout.files)
        if entry.path.startswith(tuple(f"{folder}/" for folder in open_folders)):
            return True
        given = entry.headers.get("Authorization", "")
        expected = [f"Token {self._token}"] if self._token is not None else []
        if self._basic is not None:
            expected.append("Basic " + base64.b64encode(self._basic.encode()).decode())
        return any(hmac.compare_digest(given.encode(), right.encode()) for right in expected)


def _unauthenticated() -> Reply:
    title = "Authentication credentials were not provided."
    reply = json_reply({"errors": [{"status": "401", "code": "not_authenticated", "title": title}]}, 401)
    return reply.with_headers(WWW_Authenticate='Basic realm="api"')
