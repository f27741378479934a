"""A reader of the project's pages: types what they say, in a checkout, on a cluster that nobody has used yet."""

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from docs.pages import ROOT
from operating import PATIENCE_SECONDS, Tenant
from testcluster import Cluster
from testcluster.images import ROOT as BUILT_FROM

_CHECKOUT = ("Dockerfile", "charts", "examples")

# The image that the node has was built from the same Dockerfile, and there is no registry on the way: to build it is to
# give it another name, and it is pushed where the node finds it.
_DOCKER = """#!/bin/sh -e
case "$*" in
  "build --tag "*" .") test -f Dockerfile && exec {ctr} images tag --force {image} "$3" ;;
  "push "*) {ctr} images list --quiet | grep --fixed-strings --line-regexp "$2" ;;
  *) echo "docker $*: not what a reader has to type" >&2; exit 1 ;;
esac
"""


class Reader:
    """Types commands into a shell. `replaced` is what a reader has to put in place of examples, each by what it is."""

    def __init__(self, cluster: Cluster, folder: Path, tenant: Tenant, replaced: dict[str, str]) -> None:
        assert BUILT_FROM == ROOT, "the node's image is that of this checkout"
        self.tenant = tenant
        self.folder = folder / "checkout"
        self.home = folder / "home"
        self.replaced = replaced
        self.unused = set(replaced)
        self._left_running: list[subprocess.Popen[str]] = []
        programs = folder / "programs"
        own = {"PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_HOME": str(self.home)}
        self._environment = {**os.environ, **cluster.environment, **own}
        self._check_out()
        programs.mkdir()
        (programs / "kubectl").symlink_to(cluster.kubectl_path)
        (programs / "helm").symlink_to(cluster.helm_path)
        (programs / "ansible-galaxy").symlink_to(Path(sys.executable).with_name("ansible-galaxy"))
        docker = programs / "docker"
        docker.write_text(_DOCKER.format(ctr=shlex.join(cluster.ctr), image=cluster.image))
        docker.chmod(0o755)

    def _check_out(self) -> None:
        self.folder.mkdir()
        for name in _CHECKOUT:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.folder / name)
        for path in self.folder.glob("examples/*.yaml"):
            path.write_text(self._filled_in(path.read_text()))

    def _filled_in(self, text: str) -> str:
        for example, own in self.replaced.items():
            if example in text:
                self.unused.discard(example)
                text = text.replace(example, own)
        return text

    async def types(self, line: str) -> str:
        """Type a line, as it stands on the page but for what is `replaced`, and see it succeed; what it printed.

        One that is left running, by an `&` at its end, has succeeded when it has printed something.
        """
        if line.endswith(" &"):
            return await asyncio.to_thread(self._leave_running, line)
        command = ["bash", "-c", self._filled_in(line)]
        try:
            run = await asyncio.to_thread(
                subprocess.run,
                command,
                cwd=self.folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise AssertionError(f"$ {line}\ndoes not come to an end\n{await self.tenant.story()}") from None
        assert run.returncode == 0, f"$ {line}\n{run.stdout}{run.stderr}"
        return str(run.stdout)

    def _leave_running(self, line: str) -> str:
        command = ["bash", "-c", f"exec {self._filled_in(line.removesuffix(' &'))}"]
        process = subprocess.Popen(
            command, cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._left_running.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said, f"$ {line}\nended with {process.wait()} and printed nothing"
        return said

    def close(self) -> None:
        """End what was left running."""
        for process in self._left_running:
            process.terminate()
            process.communicate()
