"""Which cluster tests use: one that was given by KUBECONFIG, a node of their own, or none. This module only decides."""

from collections.abc import Mapping
from dataclasses import dataclass

from testcluster.errors import ClusterError, UnavailableError

TEST_CONTEXTS = ("kind-", "k3d-", "minikube", "collectionsync-test")
"""How the name of a context begins whose cluster is for tests. No other is touched: it may be somebody's in earnest."""


@dataclass(frozen=True)
class Given:
    """A cluster that runs: this context of KUBECONFIG's."""

    context: str
    image: str
    host: str
    postgres_image: str = ""
    """Empty where it is not said."""
    enforces_network_policies: bool = False


@dataclass(frozen=True)
class Own:
    """A node is started."""


def choose(environment: Mapping[str, str], *, current_context: str | None, system: str, is_root: bool) -> Given | Own:
    """The cluster for this environment; `current_context` is KUBECONFIG's, where it is set.

    Raises ClusterError where KUBECONFIG leads to a cluster that is not for tests, or where what it takes to use
    one is not said, and UnavailableError where there can be none.
    """
    if environment.get("KUBECONFIG"):
        return _given(environment, current_context or "")
    if system == "Linux" and is_root:
        return Own()
    raise UnavailableError(
        "A node of the tests' own needs Linux and root. Or name a test cluster that runs in KUBECONFIG, by a context "
        f"that begins with {', '.join(TEST_CONTEXTS)}."
    )


def may_skip(environment: Mapping[str, str]) -> bool:
    """Whether tests may go without a cluster: never in continuous integration, where nobody would notice."""
    return environment.get("CI", "").lower() not in ("true", "1")


def _given(environment: Mapping[str, str], context: str) -> Given:
    if not context.startswith(TEST_CONTEXTS):
        raise ClusterError(
            f"KUBECONFIG's current context is {context!r}, which is not for tests. Those begin with "
            f"{', '.join(TEST_CONTEXTS)}. Unset KUBECONFIG for a node of the tests' own."
        )
    needed = {
        "COLLECTIONSYNC_TEST_IMAGE": "the image that its nodes have",
        "COLLECTIONSYNC_TEST_HOST": "this machine's address as its pods reach it",
    }
    missing = [f"{name} ({meaning})" for name, meaning in needed.items() if not environment.get(name)]
    if missing:
        raise ClusterError(f"To use the cluster of the context {context!r}, set {' and '.join(missing)}.")
    return Given(
        context,
        environment["COLLECTIONSYNC_TEST_IMAGE"],
        environment["COLLECTIONSYNC_TEST_HOST"],
        environment.get("COLLECTIONSYNC_TEST_POSTGRES_IMAGE", ""),
        environment.get("COLLECTIONSYNC_TEST_NETWORK_POLICIES") == "enforced",
    )
