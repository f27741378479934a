"""`ansible-galaxy` as somebody who installs collections has it: a home of its own, and nothing of this machine's."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testansible.installing import Release

_PATIENCE_SECONDS = 120.0
_OF_THE_MACHINE = ("HOME", "LANG", "PATH", "TMPDIR")


@dataclass(frozen=True)
class Done:
    """A command that has ended. `said` is all that it printed, without the breaks that it puts into long lines."""

    code: int
    said: str


class Client:
    """One person's `ansible-galaxy`. `home` holds all that it keeps: the response cache, tokens, and collections."""

    def __init__(self, release: Release, home: Path) -> None:
        self.release = release
        self.home = home
        self.collections = home / "ansible/collections"
        self._config = home / "ansible.cfg"
        self._gnupg = home / "gnupg"
        self._gnupg.mkdir(parents=True, mode=0o700)
        self.configure({})

    def configure(self, servers: Mapping[str, Mapping[str, str]]) -> None:
        """Write an ansible.cfg with this server_list: the settings of each server by its name."""
        lines = ["[galaxy]"]
        if servers:
            lines.append(f"server_list = {', '.join(servers)}")
        for name, settings in servers.items():
            lines += [f"[galaxy_server.{name}]", *(f"{key} = {text}" for key, text in settings.items())]
        self._config.write_text("\n".join([*lines, ""]))

    async def run(
        self, *arguments: str | Path, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Done:
        """Run `ansible-galaxy collection` with these arguments, in `folder`, with `variables` in its environment."""
        process = await asyncio.create_subprocess_exec(
            *map(str, self.release.command),
            *map(str, ("collection", *arguments)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=folder or self.home,
            env={**self._environment(), **(variables or {})},
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Done(process.returncode, " ".join(out.decode(errors="replace").split()))

    def requirements(self, collections: Sequence[Mapping[str, Any] | str]) -> Path:
        """Write a requirements.yml, which may be JSON."""
        file = self.home / "requirements.yml"
        file.write_text(json.dumps({"collections": list(collections)}))
        return file

    @property
    def installed(self) -> dict[str, str]:
        """The version of each installed collection, by `namespace.name`."""
        found = {}
        for manifest in self.collections.glob("ansible_collections/*/*/MANIFEST.json"):
            info = json.loads(manifest.read_bytes())["collection_info"]
            found[f"{info['namespace']}.{info['name']}"] = info["version"]
        return found

    def path(self, collection: str) -> Path:
        """Where an installed collection is."""
        return self.collections.joinpath("ansible_collections", *collection.split("."))

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}
        ours = {
            "ANSIBLE_CONFIG": str(self._config),
            "ANSIBLE_HOME": str(self.home / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "GNUPGHOME": str(self._gnupg),
            "LC_ALL": "C.UTF-8",
            "NO_PROXY": "*",
        }
        return {**kept, **ours, **self.release.environment}
