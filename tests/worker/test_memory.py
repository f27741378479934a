"""Readings of /proc and of the memory cgroup, on fake trees of every kind and on the real ones."""

from pathlib import Path

import pytest

from collectionsync.memory import Cgroup, find_cgroup, peak_rss_bytes, rss_bytes

V1_NONE = "9223372036854771712"


class Tree:
    """A fake /proc/self and cgroup mounts below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proc = folder / "proc"
        self.proc.mkdir()
        (self.proc / "cgroup").write_text("")
        (self.proc / "mountinfo").write_text("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n")

    def member(self, *lines: str) -> None:
        (self.proc / "cgroup").write_text("".join(f"{line}\n" for line in lines))

    def mount(
        self, name: str, *, kind: str = "cgroup2", root: str = "/", options: str = "rw", optional: str = ""
    ) -> Path:
        point = self.folder / name
        point.mkdir()
        escaped = str(point).replace("\\", "\\134").replace(" ", "\\040")
        with (self.proc / "mountinfo").open("a") as file:
            file.write(f"30 22 0:26 {root} {escaped} rw,nosuid {optional}- {kind} {kind} {options}\n")
        return point

    def find(self) -> Cgroup:
        return find_cgroup(self.proc)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def fill(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{value}\n")
    return folder


def test_v2_reads_the_limit_the_peak_and_the_charge_of_the_process_own_cgroup(tree: Tree) -> None:
    tree.member("0::/pods/one")
    fill(tree.mount("v2") / "pods/one", memory_max=67108864, memory_peak=60000000, memory_current=50000000)

    cgroup = tree.find()

    assert (cgroup.limit_bytes(), cgroup.peak_bytes(), cgroup.current_bytes()) == (67108864, 60000000, 50000000)


def test_v1_reads_its_own_files(tree: Tree) -> None:
    tree.member("11:cpu,cpuacct:/other", "4:memory:/docker/a", "0::/")
    fill(
        tree.mount("memory", kind="cgroup", options="rw,memory") / "docker/a",
        memory_limit_in_bytes=1000,
        memory_max_usage_in_bytes=900,
        memory_usage_in_bytes=800,
    )

    cgroup = tree.find()

    assert (cgroup.limit_bytes(), cgroup.peak_bytes(), cgroup.current_bytes()) == (1000, 900, 800)


def test_v1_wins_where_both_are_mounted_and_v1_has_the_memory_controller(tree: Tree) -> None:
    tree.member("4:memory:/a", "0::/a")
    fill(tree.mount("unified") / "a", memory_max=5)
    fill(tree.mount("memory", kind="cgroup", options="rw,memory") / "a", memory_limit_in_bytes=7)

    assert tree.find().limit_bytes() == 7


def test_v2_is_taken_where_v1_is_not_mounted(tree: Tree) -> None:
    tree.member("4:memory:/a", "0::/a")
    fill(tree.mount("unified") / "a", memory_max=5)

    assert tree.find().limit_bytes() == 5


def test_another_v1_hierarchy_is_not_taken_for_that_of_memory(tree: Tree) -> None:
    tree.member("4:memory:/a")
    fill(tree.mount("cpu", kind="cgroup", options="rw,cpu,cpuacct") / "a", memory_limit_in_bytes=5)
    fill(tree.mount("memory", kind="cgroup", options="rw,memory") / "a", memory_limit_in_bytes=7)

    assert tree.find().limit_bytes() == 7


@pytest.mark.parametrize(
    ("own", "middle", "top", "limit"),
    [
        ("100", "200", "max", 100),
        ("300", "200", "max", 200),
        ("max", "max", "50", 50),
        ("max", "max", "max", None),
        ("max", "200", "100", 100),
    ],
)
def test_the_smallest_limit_of_the_cgroup_and_those_above_it_binds(
    tree: Tree, own: str, middle: str, top: str, limit: int | None
) -> None:
    tree.member("0::/a/b")
    mount = fill(tree.mount("v2"), memory_max=top)
    fill(mount / "a", memory_max=middle)
    fill(mount / "a/b", memory_max=own)

    assert tree.find().limit_bytes() == limit


def test_nothing_above_the_mount_is_read(tree: Tree) -> None:
    tree.member("0::/a")
    fill(tree.folder, memory_max=1)
    fill(tree.mount("v2") / "a", memory_max=100)

    assert tree.find().limit_bytes() == 100


def test_no_limit_of_v1_is_none(tree: Tree) -> None:
    tree.member("4:memory:/a")
    fill(tree.mount("memory", kind="cgroup", options="rw,memory") / "a", memory_limit_in_bytes=V1_NONE)

    assert tree.find().limit_bytes() is None


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        pytest.param("/", "/", "", id="in a cgroup namespace"),
        pytest.param("/kubepods/pod1/c1", "/kubepods/pod1/c1", "", id="the mount shows the container's own"),
        pytest.param("/kubepods/pod1/c1/inner", "/kubepods/pod1/c1", "inner", id="and what lies below it"),
        pytest.param("/kubepods/pod1", "/kubepods/pod", "", id="a name that only begins like the root"),
        pytest.param("/elsewhere", "/kubepods/pod1", "", id="the path is the host's, and not below the root"),
        pytest.param("/gone", "/", "", id="the folder is not there"),
        pytest.param("/../sibling", "/", "", id="outside of the cgroup namespace"),
        pytest.param("/", "/../..", "", id="a mount from outside of the cgroup namespace"),
    ],
)
def test_the_path_is_taken_relative_to_the_root_of_the_mount(tree: Tree, path: str, root: str, below: str) -> None:
    tree.member(f"0::{path}")
    fill(tree.folder / "sibling", memory_max=2)
    mount = fill(tree.mount("v2", root=root), memory_max=200)
    fill(mount / below, memory_max=100)

    cgroup = tree.find()

    assert cgroup.limit_bytes() == 100
    assert cgroup.limits[0] == mount / below / "memory.max"


def test_of_several_mounts_the_one_that_shows_the_process_is_taken(tree: Tree) -> None:
    tree.member("0::/kubepods/pod1")
    fill(tree.mount("foreign", root="/system.slice"), memory_max=1)
    fill(tree.mount("own", root="/kubepods/pod1"), memory_max=100)

    assert tree.find().limit_bytes() == 100


@pytest.mark.parametrize("name", ["with space", "back\\slash", "umlaut-ä"])
def test_a_mount_point_is_found_whatever_its_name(tree: Tree, name: str) -> None:
    tree.member("0::/a")
    fill(tree.mount(name) / "a", memory_max=100)

    assert tree.find().limit_bytes() == 100


@pytest.mark.parametrize("optional", ["", "shared:4 ", "shared:4 master:1 propagate_from:2 "])
def test_optional_fields_of_a_mount_are_passed_over(tree: Tree, optional: str) -> None:
    tree.member("0::/a")
    fill(tree.mount("v2", optional=optional) / "a", memory_max=100)

    assert tree.find().limit_bytes() == 100


def test_a_colon_in_a_cgroups_name_is_part_of_it(tree: Tree) -> None:
    tree.member("0::/cri:containerd:1")
    fill(tree.mount("v2") / "cri:containerd:1", memory_max=100)

    assert tree.find().limit_bytes() == 100


def test_a_limit_is_read_again_each_time(tree: Tree) -> None:
    tree.member("0::/a")
    own = fill(tree.mount("v2") / "a", memory_max=100)
    cgroup = tree.find()
    before = cgroup.limit_bytes()

    fill(own, memory_max=300)

    assert (before, cgroup.limit_bytes()) == (100, 300)


@pytest.mark.parametrize(("cgroups", "binds"), [(67108864, 67108864), (536870912, 100000000), ("max", 100000000)])
def test_the_smaller_of_the_limit_that_is_wanted_and_the_cgroups_binds(
    tree: Tree, cgroups: int | str, binds: int
) -> None:
    tree.member("0::/")
    fill(tree.mount("v2"), memory_max=cgroups)

    assert tree.find().limit_within(100000000) == binds


def test_files_that_are_missing_are_no_limit(tree: Tree) -> None:
    tree.member("0::/a")
    fill(tree.mount("v2") / "a")

    cgroup = tree.find()

    assert (cgroup.limit_bytes(), cgroup.peak_bytes(), cgroup.current_bytes()) == (None, None, None)


@pytest.mark.parametrize("missing", ["cgroup", "mountinfo"])
def test_without_the_files_of_proc_there_is_no_cgroup(tree: Tree, missing: str) -> None:
    tree.member("0::/a")
    (tree.proc / missing).unlink()

    assert tree.find() == Cgroup()


def test_lines_that_nobody_can_read_are_passed_over(tree: Tree) -> None:
    tree.member("0::/a")
    (tree.proc / "mountinfo").write_bytes(b"\nodd\n1 2 3:4 / /x rw -\n\xff\xfe\n")
    fill(tree.mount("v2") / "a", memory_max=100)

    assert tree.find().limit_bytes() == 100


def test_the_real_resident_set_is_plausible() -> None:
    assert 5 * 2**20 < rss_bytes() < 4 * 2**30
    assert peak_rss_bytes() >= 5 * 2**20


def test_the_peak_remembers_what_was_given_back() -> None:
    block = bytearray(64 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    at_its_top = rss_bytes()
    del block

    assert peak_rss_bytes() >= at_its_top - 2**20  # the kernel counts in batches


def test_the_real_cgroup_can_be_read() -> None:
    cgroup = find_cgroup()

    assert cgroup.limit_bytes() is None or cgroup.limit_bytes() > 0  # type: ignore[operator]
