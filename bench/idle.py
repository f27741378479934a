"""The operator at rest: what a thousand resources with nothing to do cost it, in memory, CPU and requests.

A real API server, and the operator as a process of its own. The resources have each run before, with a full history,
and are due once a year: what is measured is what an operator does nearly all the time.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.figures import Idle
from bench.proc import family_cpu_seconds, free_port, rss_bytes
from bench.workers import COMMAND, MeasuringError
from collectionsync import malloc
from collectionsync.resource import GROUP, PLURAL
from testcluster import Cluster

RESOURCES = 1000
MEASURED_SECONDS = 120
_SETTLE_SECONDS = 20
_PATIENCE_SECONDS = 300
_NAMESPACE = "bench"
_CRD = Path(__file__).parents[1] / "crds" / "collectionsync.yaml"


def measure_idle(cluster: Cluster, folder: Path, tell: Callable[[str], None]) -> Idle:
    """Make the resources, start the operator, wait until it has looked at all of them, and measure it."""
    tell(f"operator: {RESOURCES} resources")
    cluster.kubectl("apply", "--server-side", "--filename", str(_CRD))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}", "--timeout=60s")
    cluster.kubectl("create", "namespace", _NAMESPACE)
    everything = {"apiVersion": "v1", "kind": "List", "items": [_resource(number) for number in range(RESOURCES)]}
    text = json.dumps(everything)
    cluster.kubectl("create", "--filename", "-", stdin=text)
    cluster.kubectl("apply", "--server-side", "--subresource=status", "--filename", "-", stdin=text)
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    command = [str(COMMAND), "run-operator", "--worker-image", "none", "--namespace", _NAMESPACE]
    command += ["--health-address", addresses[0], "--metrics-address", addresses[1]]
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), **malloc.SETTINGS}
    with (folder / "operator.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        return _measured(process, f"http://{addresses[1]}/metrics", tell)
    finally:
        process.terminate()
        process.wait()
        sys.stderr.write((folder / "operator.log").read_text(errors="replace"))


def _measured(process: "subprocess.Popen[bytes]", url: str, tell: Callable[[str], None]) -> Idle:
    _wait_until_all_are_known(process, url)
    time.sleep(_SETTLE_SECONDS)
    tell(f"operator: at rest for {MEASURED_SECONDS} s")
    cpu, requests, began = family_cpu_seconds(process.pid), _total(url, "api_requests_total"), time.monotonic()
    peak = 0
    while time.monotonic() - began < MEASURED_SECONDS:
        peak = max(peak, rss_bytes(process.pid))
        time.sleep(1)
    seconds = time.monotonic() - began
    return Idle(
        resources=RESOURCES,
        rss_bytes=peak,
        cpu_share=(family_cpu_seconds(process.pid) - cpu) / seconds,
        requests_per_minute=(_total(url, "api_requests_total") - requests) * 60 / seconds,
    )


def _wait_until_all_are_known(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if _total(url, "reconciles_total") >= RESOURCES:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise MeasuringError("the operator did not come to know all resources")


def _total(url: str, name: str) -> float:
    with urllib.request.urlopen(url, timeout=30) as answer:
        found = re.search(rf"^collectionsync_operator_{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _resource(number: int) -> dict[str, Any]:
    """A resource of ten collections that has run five times; `status` is taken by the subresource alone."""
    names = [f"namespace{number}.collection{each}" for each in range(10)]
    runs = [_run(number, each) for each in range(5)]
    ready = {"type": "Ready", "status": "True", "reason": "NoChange", "message": "all 100 versions were there already"}
    return {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": f"mirror-{number}", "namespace": _NAMESPACE},
        "spec": {
            "source": {"url": f"https://galaxy{number % 50}.example.org/api/", "secretRef": {"name": "galaxy"}},
            "collections": [{"name": name, "version": ">=1.0.0,<9"} for name in names],
            "target": {"repository": f"r{number}"},
            "schedule": "0 3 1 1 *",
        },
        "status": {
            "observedGeneration": 1,
            "conditions": [{**ready, "lastTransitionTime": runs[0]["startTime"], "observedGeneration": 1}],
            "lastRun": runs[0],
            "history": runs,
            "lastSuccessTime": runs[0]["startTime"],
            "lastAttemptTime": runs[0]["startTime"],
            "content": {"revision": f"sha256:{number:064}", "versions": 100, "collections": 10, "bytes": 10**8},
        },
    }


def _run(number: int, back: int) -> dict[str, Any]:
    identity = f"{number * 10 + back:010x}"
    return {
        "id": identity,
        "jobName": f"mirror-{number}-{identity}",
        "generation": 1,
        "trigger": "Spec/1",
        "result": "NoChange",
        "reason": "NoChange",
        "message": "all 100 versions were there already",
        "exitCode": 0,
        "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - back * 86400)),
        "duration": "1m12s",
        "peakRss": "45Mi",
        "memoryLimit": "64Mi",
        "peakRssBytes": 45 << 20,
        "memoryLimitBytes": 64 << 20,
        "fetchedBytes": 10**6,
        "versions": {"discovered": 100, "created": 0, "unchanged": 100, "skipped": 0, "failed": 0, "removed": 0},
    }
