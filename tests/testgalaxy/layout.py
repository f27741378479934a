"""Where a server has its things: the address, the prefixes, and whether old paths are redirected to new ones."""

from dataclasses import dataclass

DISTRIBUTION = "lab"


@dataclass(frozen=True)
class Layout:
    """The addresses of one server.

    `api` is where discovery begins. `content` is where documents really are, and where a Pulp redirects legacy paths
    to: under the prefix of *another* distribution. `links` is the prefix in hrefs; it works as well as `content`.
    `storage` is the origin of the object storage that has the artifacts, if not the server itself. `unpaged` says
    whether the lists of everything are served.
    """

    origin: str
    api: str
    content: str
    links: str
    artifacts: str
    redirects: bool
    storage: str | None = None
    unpaged: bool = True
    namespaces: str = "/pulp/api/v3/content/ansible/namespaces"
    media: str = "/pulp/media"
    files: str = "/files"

    @property
    def url(self) -> str:
        """What a person writes down as the server's URL."""
        return f"{self.origin}{self.api}/"

    def collection_href(self, namespace: str, name: str) -> str:
        """The path of a collection, as hrefs say it."""
        return f"{self.links}/collections/index/{namespace}/{name}/"

    def version_href(self, namespace: str, name: str, version: str) -> str:
        """The path of a version, as hrefs say it."""
        return f"{self.collection_href(namespace, name)}versions/{version}/"

    def download_url(self, filename: str) -> str:
        """The absolute address of an artifact."""
        return f"{self.origin}{self.links}/collections/artifacts/{filename}"

    def avatar_url(self, identifier: str) -> str:
        """The absolute address of a namespace's picture."""
        return f"{self.origin}{self.namespaces}/{identifier}/avatar/"


def pulp_layout(origin: str) -> Layout:
    """The layout that a real pulp-ansible was seen to have."""
    api = f"/pulp_ansible/galaxy/{DISTRIBUTION}/api"
    return Layout(
        origin=origin,
        api=api,
        content=f"/pulp_ansible/galaxy/default/api/v3/plugin/ansible/content/{DISTRIBUTION}",
        links=f"{api}/v3/plugin/ansible/content/{DISTRIBUTION}",
        artifacts=f"/pulp/content/{DISTRIBUTION}",
        redirects=True,
    )


def direct_layout(origin: str) -> Layout:
    """A plain server: every path answers by itself, with and without the last slash."""
    content = "/api/v3/plugin/ansible/content/published"
    return Layout(origin=origin, api="/api", content=content, links=content, artifacts="/artifacts", redirects=False)


DEFAULT_LAYOUT = pulp_layout("http://127.0.0.1")
