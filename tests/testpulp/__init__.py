"""A real Pulp with pulp-ansible, to compare with and to mirror from: installed once, started for whoever needs one."""

from testpulp.api import Mirror, Peer, Place, SyncDone, TaskFailedError
from testpulp.content import Content, Release, Signature
from testpulp.installing import PulpError, installed, pinned
from testpulp.process import Pulp, running_pulp

__all__ = [
    "Content",
    "Mirror",
    "Peer",
    "Place",
    "Pulp",
    "PulpError",
    "Release",
    "Signature",
    "SyncDone",
    "TaskFailedError",
    "installed",
    "pinned",
    "running_pulp",
]
