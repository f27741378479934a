"""The settings of glibc's malloc that keep a worker's resident set flat. Whoever starts one may set them for it."""

from collections.abc import Mapping

# glibc keeps freed blocks for reuse unless it is told to give them back. asyncio reads into 256 KiB at a time: a
# threshold below that would cost a mapping, and its page faults, for every read.
SETTINGS: Mapping[str, str] = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "524288",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""Environment variables of a process that is to give back what it frees; malloc reads them once, at its start."""
