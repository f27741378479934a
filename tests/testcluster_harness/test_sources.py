"""What the binaries and the image are made of."""

import re
import shutil
from pathlib import Path

import pytest

from testcluster.binaries import check_go, kubernetes_version
from testcluster.errors import UnavailableError
from testcluster.images import ROOT, image_digest
from testcluster.packages import missing


def test_go_mod_pins_kubernetes() -> None:
    text = (ROOT / "tests/testcluster/kubernetes/go.mod").read_text()
    assert re.fullmatch(r"v1\.\d+\.\d+", kubernetes_version(text))


def test_the_addons_are_clients_of_the_version_that_is_pinned() -> None:
    kubernetes, addons = ((ROOT / f"tests/testcluster/{name}/go.mod").read_text() for name in ("kubernetes", "addons"))
    of_client = kubernetes_version(kubernetes).replace("v1.", "v0.")
    for module in ("api", "apimachinery", "client-go"):
        assert f"k8s.io/{module} {of_client}\n" in addons


@pytest.mark.parametrize("answer", ["go version go1.21.0 linux/amd64", "go version go1.26.8 linux/amd64"])
def test_go_that_can_fetch_its_toolchain_will_do(answer: str) -> None:
    check_go(answer)


@pytest.mark.parametrize("answer", ["", "go version go1.19.8 linux/amd64"])
def test_go_that_is_too_old_is_named(answer: str) -> None:
    with pytest.raises(UnavailableError, match=answer or "none"):
        check_go(answer)


def test_only_what_is_missing_is_installed() -> None:
    assert missing({"sh": "dash", "/etc": "base-files", "no-such-program": "dreams", "/no/such/file": "dust"}) == [
        "dreams",
        "dust",
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("requirements", "operator"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def files_let_in() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", *files_let_in()])
def test_whatever_the_image_may_take_is_in_its_digest(checkout: Path, name: str) -> None:
    before = image_digest(checkout)
    changed = checkout / name
    if changed.is_dir():
        changed = next(changed.rglob("*.py"))
    changed.write_text(changed.read_text() + "\n")
    assert image_digest(checkout) != before


def test_what_python_leaves_is_not_in_the_digest(checkout: Path) -> None:
    before = image_digest(checkout)
    for name in ("operator/collectionsync/__pycache__", "operator/collectionsync.egg-info", "tests"):
        (checkout / name).mkdir(parents=True)
        (checkout / name / "file").touch()
    assert image_digest(checkout) == before
