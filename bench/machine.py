"""What the figures are of: a machine without figures says nothing, and figures without a machine neither."""

import os
import platform
from pathlib import Path

from bench.cluster import Cluster
from bench.figures import Machine


def describe(cluster: Cluster) -> Machine:
    """Return what this machine is, and which PostgreSQL the cluster runs."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(Path("/proc/cpuinfo").read_text()),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        python=platform.python_version(),
        postgres=cluster.version,
        lz4=cluster.lz4,
    )


def _processor(text: str) -> str:
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(names, platform.machine())
