"""The user's own PostgreSQL, for `collectionsync sync` without --database: started and stopped by itself.

Several processes may use one server at once, and any of them may be killed. So nothing is counted or written down:
each user holds a shared lock on a file, which the kernel drops with its holder, and the last to leave stops the server.
A server that outlives a killed user is adopted, and stopped, by the next run. Nothing in a cluster is ever deleted.

The module is synchronous, and imports the standard library alone: the worker calls it before its loop starts.
"""

import fcntl
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CompletedProcess
from types import TracebackType
from typing import Self
from urllib.parse import quote

from collectionsync.store import postgres_local as local
from collectionsync.store.postgres_local import Binaries, EmbeddedPostgresError, every_binaries, find_binaries

__all__ = ["Binaries", "EmbeddedPostgres", "EmbeddedPostgresError", "data_folder", "every_binaries", "find_binaries"]

USER = "collectionsync"
SOCKET_PATH_BYTES = 103
"""The longest path of a Unix socket: 103 bytes on macOS, 107 on Linux (sun_path in unix(7))."""

SOCKET_FOLDER_PREFIX = "collectionsync-"

START_SECONDS = 600
"""How long a start may take: after a power loss it replays up to max_wal_size of WAL first."""

STOP_SECONDS = 60

ORPHANS_SECONDS = 10
"""How long the processes of a server that was killed may take to notice; they watch it, so it is a moment."""

POLL_SECONDS = 0.02

SETTINGS = {
    "listen_addresses": "",  # a socket in a folder with mode 0700 is the only way in, so `trust` trusts one account
    "max_wal_size": "4GB",  # a bulk load of GBs would else force a checkpoint per GB (docs: "Populating a Database")
    "jit": "off",  # short statements only, and LLVM costs memory per connection
}
"""What differs from initdb's defaults. fsync, synchronous_commit and autovacuum stay on: a mirror is no scrap."""


def data_folder() -> Path:
    """Return the folder of the user's data: $XDG_DATA_HOME/collectionsync, else ~/.local/share/collectionsync.

    For root it is /var/lib/collectionsync, because root's home is closed to the account that PostgreSQL has to run as.
    """
    chosen = os.environ.get("XDG_DATA_HOME", "")
    if Path(chosen).is_absolute():  # the XDG specification: a relative path is to be ignored
        return Path(chosen, "collectionsync")
    if os.geteuid() == 0:
        return Path("/var/lib/collectionsync")
    try:
        return Path.home() / ".local/share/collectionsync"
    except RuntimeError as error:
        raise EmbeddedPostgresError(f"{error} Set HOME or XDG_DATA_HOME to a folder for the mirror's data.") from error


class EmbeddedPostgres:
    """A running server while the `with` block lasts; it may be entered once.

    `uri` connects to it, `folder` is its cluster, `log` its log: known once it is entered. Entering waits while another
    process starts or stops the same server, and raises EmbeddedPostgresError for whatever prevents the start.

    `data` is the folder to keep everything in (default: `data_folder()`), `binaries` the installation to insist on.
    A server that this one starts listens on the address `listen` as well; whom it lets in there, pg_hba.conf says.
    """

    uri: str
    folder: Path
    log: Path
    _binaries: Binaries
    _account: local.Account | None

    def __init__(self, data: Path | None = None, *, binaries: Binaries | None = None, listen: str = "") -> None:
        self.data = (data or data_folder()).absolute()
        self._listen = listen
        self._wanted = binaries
        self._in_use: int | None = None

    def __enter__(self) -> Self:
        try:
            self._enter()
        except OSError as error:
            self._leave_quietly(error)
            raise EmbeddedPostgresError(
                f"PostgreSQL's data cannot be kept in {self.data}: {error}. Make that folder yours and writable, "
                "set XDG_DATA_HOME to another one, or name a running server with --database."
            ) from error
        except BaseException as error:  # Ctrl-C too: a server that was just started must not stay
            self._leave_quietly(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._leave()
        else:
            self._leave_quietly(error)

    def _enter(self) -> None:
        _make_own(self.data)
        with _locked(self.data / "lock") as lock:
            binaries = local.binaries_for(self.data, self._wanted)
            self.folder = self.data / f"postgresql-{binaries.version}"
            self.log = self.folder / "server.log"
            self._account = local.account_for(self.folder)
            self._binaries = local.executable_by(self._account, binaries, self.data)
            self._in_use = os.open(f"{self.folder}.in-use", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            if not self.folder.exists():
                self._make_cluster(lock)
            server = self._running() or self._start()
        self.uri = f"postgresql://{USER}@/postgres?host={quote(str(server.socket_folder), safe='')}&port={local.PORT}"

    def _make_cluster(self, lock: int) -> None:
        """Make a cluster under a temporary name, and rename it when it is whole and on disk.

        initdb inherits the lock: where this process is killed, the next one waits until initdb is gone as well, so the
        remains that it then sweeps away are nobody's.
        """
        for remains in self.data.glob(".initdb-*"):
            shutil.rmtree(remains)
        temporary = Path(tempfile.mkdtemp(prefix=".initdb-", dir=self.data))
        if self._account:
            os.chown(temporary, self._account.uid, self._account.gid)
        # Locale C sorts by bytes: the same on every machine, and indexes survive an upgrade of the C library.
        flags = ["--encoding=UTF8", "--locale=C", "--auth=trust", "--no-instructions", f"--username={USER}"]
        initdb: list[str | Path] = [self._binaries.folder / "initdb", "-D", temporary, *flags]
        answer = local.run(initdb, account=self._account, keep_open=[lock])
        if answer.returncode:
            shutil.rmtree(temporary, ignore_errors=True)
            raise EmbeddedPostgresError(
                f"PostgreSQL {self._binaries.version} could not make its data folder {self.folder}. Check its disk and "
                f"permissions, or set XDG_DATA_HOME to another folder. {_tail(answer.stdout)}"
            )
        temporary.rename(self.folder)
        parent = os.open(self.data, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _running(self) -> local.Postmaster | None:
        """Return the cluster's server once it is ready, or None where there is none; wait for one that is stopping.

        A killed server's processes outlive it for a moment, in which PostgreSQL would refuse to start another one.
        """
        began = time.monotonic()
        while server := local.read_postmaster(self.folder):
            waited = time.monotonic() - began
            if not local.is_alive(server, self.folder) and (
                waited > ORPHANS_SECONDS or not local.is_worked_in(self.folder)
            ):
                return None
            if server.status == "ready" and local.answers(server):
                return server
            if waited > START_SECONDS:
                raise self._failure(f"The server with process id {server.pid} is not ready, but {server.status}")
            time.sleep(POLL_SECONDS)
        return None

    def _start(self) -> local.Postmaster:
        written = (self.folder / "PG_VERSION").read_text().strip()
        if written != str(self._binaries.version):
            raise EmbeddedPostgresError(
                f"{self.folder} holds a cluster of PostgreSQL {written}, which {self._binaries.version} cannot read. "
                f"Rename it to postgresql-{written} and run again; nothing was changed in it."
            )
        socket_folder = self._choose_socket_folder()
        settings = SETTINGS | {"unix_socket_directories": str(socket_folder), "unix_socket_permissions": "0700"}
        settings |= {"listen_addresses": self._listen}
        has_lz4 = self._run("postgres", "-C", "wal_compression", "-c", "wal_compression=lz4").returncode == 0
        settings |= {"port": str(local.PORT), "wal_compression": "lz4" if has_lz4 else "on"}
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        local.set_stale_locks_aside(self.folder)
        if self.log.exists():
            self.log.replace(self.folder / "server.log.1")
        # The log is named relative to the cluster, and the cluster by PGDATA: pg_ctl puts both into a shell command.
        answer = self._run("pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", self.log.name, "-o", options)
        server = self._running()  # perhaps not ours, but that of a run that was killed while its pg_ctl went on
        if server is None:
            _remove_socket_folder(socket_folder)
            raise self._failure("It did not start", answer.stdout)
        return server

    def _choose_socket_folder(self) -> Path:
        """Return the cluster itself, or a new private folder with a short name where the cluster's path is unfit."""
        if _fits_socket(self.folder):
            return self.folder
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        bases = ["/tmp"] if self._account else [runtime, tempfile.gettempdir(), "/tmp"]  # noqa: S108 mkdtemp is private
        for base in map(Path, bases):
            name = base / f"{SOCKET_FOLDER_PREFIX}12345678"
            if base.is_absolute() and _fits_socket(name) and os.access(base, os.W_OK | os.X_OK):
                folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=base))
                if self._account:
                    os.chown(folder, self._account.uid, self._account.gid)
                return folder
        raise self._failure(f"Its socket finds no writable folder with a short path among {bases}")

    def _leave(self) -> None:
        """Give the server up, and stop it where nobody else uses it."""
        if self._in_use is None:
            return
        in_use, self._in_use = self._in_use, None
        try:
            with _locked(self.data / "lock"):
                try:
                    fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    fcntl.flock(in_use, fcntl.LOCK_UN)
                else:
                    self._stop()
        except OSError as error:
            raise self._failure(f"It could not be given up: {error}") from error
        finally:
            os.close(in_use)

    def _leave_quietly(self, error: BaseException) -> None:
        """Leave without hiding `error`, which counts more than a server that will not stop."""
        try:
            self._leave()
        except EmbeddedPostgresError as second:
            error.add_note(str(second))

    def _stop(self) -> None:
        server = local.read_postmaster(self.folder)
        if server is None or not local.is_alive(server, self.folder):
            return
        answer = self._run("pg_ctl", "stop", "-m", "fast", "-w", "-t", str(STOP_SECONDS))
        if answer.returncode and local.answers(server):
            raise self._failure(f"The server with process id {server.pid} did not stop", answer.stdout)
        _remove_socket_folder(server.socket_folder)

    def _run(self, tool: str, *arguments: str) -> CompletedProcess[str]:
        environment = {"PGDATA": str(self.folder)}
        command: list[str | Path] = [self._binaries.folder / tool, *arguments]
        return local.run(command, account=self._account, environment=environment, folder=self.folder)

    def _failure(self, what: str, said: str = "") -> EmbeddedPostgresError:
        with suppress(OSError):
            said += self.log.read_text(errors="replace")
        return EmbeddedPostgresError(
            f"PostgreSQL in {self.folder}: {what}. Put right what its log {self.log} names and run again, or set "
            f"XDG_DATA_HOME to another folder; nothing was deleted. {_tail(said)}"
        )


def _make_own(data: Path) -> None:
    """Make the folder `data`; root lets other accounts pass through, since one of them runs PostgreSQL inside."""
    if not data.is_dir():
        data.parent.mkdir(parents=True, exist_ok=True)
        data.mkdir(exist_ok=True)
        data.chmod(0o700 if os.geteuid() else 0o711)
    owner = data.stat().st_uid
    if owner != os.geteuid():
        raise EmbeddedPostgresError(
            f"The folder {data} belongs to the user with uid {owner}, not to {os.geteuid()} who runs this. "
            "Run as that user, or set XDG_DATA_HOME to a folder of your own."
        )


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold the exclusive lock on the file `path`, however long another process holds it first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _fits_socket(folder: Path) -> bool:
    path = f"{folder}/.s.PGSQL.{local.PORT}"
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES and not set(path) & set(',"')


def _remove_socket_folder(folder: Path) -> None:
    if folder.name.startswith(SOCKET_FOLDER_PREFIX):
        with suppress(OSError):
            folder.rmdir()


def _tail(text: str, lines: int = 8) -> str:
    return text and "It said:\n" + "\n".join(text.strip().splitlines()[-lines:])
