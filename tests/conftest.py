"""Fixtures that every folder of tests has: real PostgreSQL; for those with a cluster, the operator and Prometheus."""

from hypothesis import settings

pytest_plugins = ["postgres", "operating", "monitoring_stack"]

# A busy machine is no fault of the code; all else stays as it is, such as what continuous integration derives.
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")
