"""What can go wrong with a test cluster, told to a person."""


class ClusterError(Exception):
    """The test cluster failed; the text says what happened and what to do."""


class UnavailableError(ClusterError):
    """This machine lacks something that a cluster needs. Tests may be skipped for it."""
