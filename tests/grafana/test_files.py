"""The chart's files are what the code makes, and are such that Grafana and Kubernetes take them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dashboards import __main__ as command
from dashboards.files import stored, wanted
from dashboards.page import FLEET, RESOURCE, SERVER

from grafana.stored import PAGES, Page, every_page

CONFIG_MAP_BYTES = 1024**2


def test_the_files_are_what_the_code_makes() -> None:
    assert stored() == wanted(), "run python -m dashboards"


def test_the_pages_are_known_by_the_names_of_their_files() -> None:
    assert {name: page["uid"] for name, page in PAGES.items()} == {uid: uid for uid in (FLEET, RESOURCE, SERVER)}


@every_page
def test_a_page_is_of_a_schema_that_grafana_reads(page: Page) -> None:
    assert 39 <= page["schemaVersion"] <= 42
    assert page["tags"] == ["collectionsync"]
    assert page["editable"] is False, "it is provisioned: what somebody changes would be overwritten"


@every_page
def test_a_page_fits_a_config_map_with_much_to_spare(page: Page) -> None:
    assert len(json.dumps(page).encode()) < CONFIG_MAP_BYTES / 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files of its own that the command looks at."""
    (tmp_path / "page.json").write_text("as it was\n")
    monkeypatch.setattr(command, "stored", lambda: {path: path.read_text() for path in tmp_path.iterdir()})
    monkeypatch.setattr(command, "wanted", lambda: {tmp_path / "page.json": "as it is\n"})
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    return tmp_path


def test_a_check_shows_what_has_drifted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dashboards", "--check"])
    assert command.main() == 1
    assert {"-as it was", "+as it is"} <= set(capsys.readouterr().out.splitlines())
    assert (folder / "page.json").read_text() == "as it was\n"


def test_a_check_finds_nothing_after_a_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dashboards"])
    assert command.main() == 0
    monkeypatch.setattr(sys, "argv", ["dashboards", "--check"])
    assert command.main() == 0


@pytest.mark.slow
def test_the_command_agrees_with_the_files_in_a_process_of_its_own() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-m", "dashboards", "--check"], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
