"""A newer CPython than this machine's, for the ansible-core releases that need one: Debian's, out of its packages.

Nothing is installed, and root is not needed: apt fetches the packages with lists of its own, and they are unpacked into
the cache. The interpreter is started by the loader that came with it (ld.so(8)), so it has its own C library, and what
it starts in turn has this machine's.
"""

import os
import platform
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from testcluster.caching import built, digest
from testcluster.commands import run
from testcluster.errors import UnavailableError

VERSION = (3, 13)

_SUITE = "trixie"
_PACKAGE = "python{}.{}".format(*VERSION)
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NAME = "usr/bin/python-of-its-own"
# An interpreter finds its library by the path that it is called by, so that path is one beside the real one's.
_STARTER = f"""#!/bin/sh
root=${{0%/{_NAME}}}
exec "$root/LOADER" --library-path "$root/LIBRARIES" --argv0 "$0" "$root/usr/bin/{_PACKAGE}" "$@"
"""


def debian_python() -> Path:
    """The interpreter; fetched where that has not been done: 15 MB.

    Raises:
        UnavailableError: this machine has no apt, or takes no packages from a mirror of Debian's.
        ClusterError: apt failed.
    """
    key = digest(Path("/"), [], _SUITE, _PACKAGE, _STARTER, platform.machine())
    return built("python", key, _fetch) / _NAME


def _fetch(folder: Path) -> None:
    options = _options(folder / "apt", _mirror())
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    run(["apt-get", *options, "update", "--quiet"], environment=environment)
    command = ["install", "--quiet", "--yes", "--no-install-recommends", "--download-only", _PACKAGE]
    run(["apt-get", *options, *command], environment=environment)
    for archive in (folder / "apt/archives").glob("*.deb"):
        run(["dpkg-deb", "--extract", archive, folder])
    shutil.rmtree(folder / "apt")
    _write_starter(folder)


def _mirror() -> str:
    """Where this machine has Debian's packages from: apt's lists of sources say it."""
    if not all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")) or not _KEYRING.is_file():
        raise UnavailableError(
            "This ansible-core needs a newer CPython than this one. On Debian it comes by apt; elsewhere run the tests "
            "with a newer Python."
        )
    said = run(["apt-get", "indextargets", "--format", "$(COMPONENT) $(REPO_URI)", "Identifier: Packages"]).stdout
    found = (uri for component, _, uri in (line.partition(" ") for line in said.splitlines()) if component == "main")
    mirror = next((uri for uri in found if urlsplit(uri).path.rstrip("/") == "/debian"), None)
    if mirror is None:
        raise UnavailableError(
            "This machine's apt has no mirror of Debian's among its sources, to take a CPython from."
        )
    return mirror


def _options(folder: Path, mirror: str) -> list[str]:
    """Give apt a folder of its own with one source, and a machine on which nothing is installed yet."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    source = folder / "sources.list"
    source.write_text(f"deb [signed-by={_KEYRING}] {mirror} {_SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": os.devnull,
        "Dir::Etc::preferences": os.devnull,
        "Dir::Etc::preferencesparts": os.devnull,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::State::extended_states": folder / "extended_states",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Debug::NoLocking": "true",  # nobody else knows this folder, and the locks of dpkg are root's
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    }
    return [word for key, value in settings.items() for word in ("--option", f"{key}={value}")]


def _write_starter(folder: Path) -> None:
    loader = next(folder.glob("usr/lib/*/ld-linux*.so*")).relative_to(folder)
    starter = folder / _NAME
    starter.write_text(_STARTER.replace("LOADER", str(loader)).replace("LIBRARIES", str(loader.parent)))
    starter.chmod(0o755)
