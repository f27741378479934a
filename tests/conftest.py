"""Fixtures that every folder of tests has: real PostgreSQL, and the operator for those that have a cluster."""

pytest_plugins = ["postgres", "operating"]
