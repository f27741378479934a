"""How a start that fails is told."""

from pathlib import Path

import pytest

from testcluster.errors import ClusterError
from testcluster.waiting import wait


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("log", "ended"):
        (tmp_path / name).mkdir()
    (tmp_path / "log/kubelet").write_text("one\ntwo\nno such socket\n")
    return tmp_path


def test_a_condition_that_holds_is_not_waited_for(state: Path) -> None:
    wait(state, "ready node", lambda: True)


def test_a_component_that_ends_is_shown_with_its_log(state: Path) -> None:
    (state / "ended/kubelet").write_text("3")
    with pytest.raises(ClusterError, match=r"(?s)kubelet .*exit status 3.*no such socket"):
        wait(state, "ready node", lambda: False)


def test_a_wait_in_vain_shows_all_logs(state: Path) -> None:
    with pytest.raises(ClusterError, match=r"(?s)no ready node.*kubelet.*no such socket"):
        wait(state, "ready node", lambda: False, seconds=0.0)


def test_a_node_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="has ended"):
        wait(tmp_path / "gone", "ready node", lambda: False)
