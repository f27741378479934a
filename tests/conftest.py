"""Fixtures that every folder of tests has: real PostgreSQL."""

pytest_plugins = ["postgres"]
