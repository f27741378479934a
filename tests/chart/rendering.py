"""The chart as helm renders it, without a cluster."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "collectionsync"
# libyaml's, where PyYAML was built with it: it takes an eighth of the time, and the definition is 2,000 lines.
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_POD_TEMPLATES = ("Deployment", "DaemonSet", "StatefulSet", "Job")


class RefusedError(Exception):
    """Helm did not render the chart; the text says why."""


@dataclass(frozen=True)
class Chart:
    """A chart, and the helm that renders it. `home` is where helm may keep what it likes to keep."""

    helm: Path
    home: Path
    folder: Path = CHART

    def render(self, *, release: str = "mirrors", namespace: str = "tools", **values: Any) -> list[Object]:
        """Return the objects of a release with these values, but for what `helm test` is made of.

        Raises:
            RefusedError: helm does not accept the values.
        """
        return [each for each in self._template(release, namespace, **values) if not _is_of_the_test(each)]

    def render_test(self, *, release: str = "mirrors", namespace: str = "tools", **values: Any) -> list[Object]:
        """Return what `helm test` is made of: its pod, which it starts, and the pod's account."""
        return [each for each in self._template(release, namespace, **values) if _is_of_the_test(each)]

    def lint(self, **values: Any) -> str:
        """Return what `helm lint --strict` says.

        Raises:
            RefusedError: it found something.
        """
        return self._run("lint", "--strict", self.folder, "--values", "-", **values)

    def _template(self, release: str, namespace: str, *options: str, **values: Any) -> list[Object]:
        text = self._run(
            "template", release, self.folder, "--namespace", namespace, "--values", "-", *options, **values
        )
        return [each for each in yaml.load_all(text, Loader=_LOADER) if each]

    def _run(self, *arguments: str | Path, **values: Any) -> str:
        # A helm of one's own takes Kubernetes to be older than any that there still is, unless it is told.
        command = [self.helm, *arguments, "--kube-version", "1.29.0"]
        run = subprocess.run(
            command,
            input=json.dumps(values),
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
        )
        if run.returncode:
            raise RefusedError(run.stderr + run.stdout)
        return run.stdout


def _is_of_the_test(each: Object) -> bool:
    labels = each["metadata"].get("labels", {})
    return bool(labels.get("app.kubernetes.io/component") == "test")


def only(objects: list[Object], kind: str) -> Object:
    """Return the one object of this kind."""
    (found,) = of(objects, kind)
    return found


def of(objects: list[Object], *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def identity(each: Object) -> tuple[str, str, str]:
    """Return the kind, the namespace (empty where it has none) and the name of an object."""
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def pods(objects: list[Object]) -> Iterator[Object]:
    """Yield every pod that would be made of these objects, with its metadata and spec."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each
        elif each["kind"] == "CronJob":
            yield each["spec"]["jobTemplate"]["spec"]["template"]
        elif each["kind"] in _POD_TEMPLATES:
            yield each["spec"]["template"]


def operator_container(objects: list[Object]) -> Object:
    """Return the operator's container."""
    (container,) = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    found: Object = container
    return found


def read_values() -> Object:
    """Return values.yaml."""
    found: Object = yaml.safe_load(CHART.joinpath("values.yaml").read_text())
    return found


def read_schema() -> Object:
    """Return values.schema.json."""
    found: Object = json.loads(CHART.joinpath("values.schema.json").read_text())
    return found
