"""A real one-node Kubernetes for tests, made out of pinned Go modules and Debian's packages, without internet inside.

`with node.running_node(images.image_archive()) as cluster:` starts one; `python -m testcluster up` does for a person.
"""

from testcluster.cluster import Cluster
from testcluster.errors import ClusterError, UnavailableError

__all__ = ["Cluster", "ClusterError", "UnavailableError"]
