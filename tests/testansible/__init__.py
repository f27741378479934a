"""Real releases of `ansible-galaxy`, to install with: each in the cache once, run as a person would run it."""

from testansible.client import Client, Done
from testansible.installing import MINORS, NEWEST, OLDEST, Release, release
from testansible.signing import Key, made_key

__all__ = ["MINORS", "NEWEST", "OLDEST", "Client", "Done", "Key", "Release", "made_key", "release"]
