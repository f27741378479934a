"""What a requirements file asks for, what is told of the rest, and what costs nothing."""

import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.manifest import ManifestError
from collectionsync.requirements import MAX_REQUIREMENTS_BYTES, Requirements, read_requirements

PATH = "spec.requirementsFrom (requirements.yml)"
KEY = "https://keys.example.com/a.asc"


def read(text: str) -> Requirements:
    return read_requirements(text.encode(), path=PATH)


def warnings(text: str) -> list[str]:
    """What is passed over, without the name of the file, which is in front of each."""
    found = read(text).warnings
    assert all(warning.startswith(f"{PATH}: ") for warning in found)
    return [warning.removeprefix(f"{PATH}: ") for warning in found]


def refusal(data: bytes) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        read_requirements(data, path=PATH)
    return caught.value


def test_the_order_is_that_of_the_file() -> None:
    assert [each.name for each in read("collections: [c.d, a.b, b.c]").collections] == ["c.d", "a.b", "b.c"]


def test_an_entry_that_occurs_twice_is_asked_for_once_with_the_signatures_of_both() -> None:
    entry = "{{name: a.b, version: 1.0.0, signatures: [{}]}}"
    text = f"collections: [{entry.format(KEY)}, c.d, {entry.format(f'{KEY}.2, {KEY}')}]"
    found = read(text).collections
    assert [(each.name, each.signatures) for each in found] == [("a.b", (KEY, f"{KEY}.2")), ("c.d", ())]


def test_one_range_at_two_sources_is_asked_for_at_both() -> None:
    found = read("collections: [{name: a.b, source: one}, {name: a.b, source: two}, a.b]").collections
    assert [each.source for each in found] == ["one", "two", None]


def test_roles_are_told_of() -> None:
    assert warnings("collections: [a.b]\nroles: [geerlingguy.apache]") == [
        "roles: roles are passed over; a mirror has collections only"
    ]


def test_an_empty_list_of_roles_is_nothing_to_tell_of() -> None:
    assert warnings("collections: [a.b]\nroles: []") == []


def test_unknown_keys_are_told_of_with_their_place() -> None:
    assert warnings("collections: [a.b, {name: c.d, latest: 3}]\nplugins: 1") == [
        "plugins: is neither collections nor roles, and is passed over",
        "collections[1].latest: is no key that ansible-galaxy knows, and is passed over",
    ]


def test_a_key_that_a_thousand_entries_have_is_told_of_once() -> None:
    entries = ", ".join(f"{{name: a.b{number}, comment: x}}" for number in range(1000))
    (warning,) = warnings(f"collections: [{entries}]")
    assert warning == (
        "collections[0].comment: is no key that ansible-galaxy knows, and is passed over, and so it is with 999 more"
    )


def test_a_long_key_is_shown_in_part() -> None:
    assert len(warnings(f"collections: [a.b]\n{'x' * 500}: 1")[0]) < 150


def test_signatures_of_a_range_are_passed_over_since_nobody_knows_what_they_sign() -> None:
    text = f"collections: [{{name: a.b, version: '>=1', signatures: {KEY}}}]"
    assert read(text).collections[0].signatures == ()
    assert warnings(text) == [
        "collections[0].signatures: passed over, since each is of one version, and the range has more"
    ]


def test_signatures_that_are_not_on_the_web_are_passed_over() -> None:
    text = f"collections: [{{name: a.b, version: 1.0.0, signatures: [{KEY}, file:///a.asc, http://a.example/]}}]"
    assert read(text).collections[0].signatures == (KEY,)
    assert warnings(text) == ["collections[0].signatures: those are passed over that are not at an https URL"]


@pytest.mark.parametrize("kind", ["git", "url", "file", "dir", "subdirs"])
def test_what_is_from_elsewhere_is_refused_with_the_reason(kind: str) -> None:
    error = refusal(f"collections: [a.b, {{name: 'x', type: {kind}}}]".encode())
    assert error.path == PATH
    assert error.problem == (
        f"collections[1].type: {kind} is not from a Galaxy server, and a mirror has only what one published; build the"
        " collection, upload it to one, and require it by its name"
    )


@pytest.mark.parametrize(
    "name",
    [
        "git@github.com:acme/tools.git",
        "git+https://github.com/acme/tools.git",
        "https://example.com/acme-tools-1.0.0.tar.gz",
        "./acme-tools-1.0.0.tar.gz",
        "/srv/collections/acme",
    ],
)
def test_a_url_or_a_path_for_a_name_is_refused_with_the_reason(name: str) -> None:
    error = refusal(f"collections: ['{name}']".encode())
    assert error.problem.startswith("collections[0].name: what is named by a URL or a path is not from a Galaxy server")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("- src: a", "the file is a list, which is how roles were written once; expected collections:"),
        ("a", "the file is no mapping; expected collections: and a list of them"),
        ("roles: [a]", "collections: missing or empty: the file has roles only, and there is nothing to mirror"),
        (
            "collections: []",
            "collections: missing or empty: the file has no collections, and there is nothing to mirror",
        ),
        ("collections: a.b", "collections: must be a list of names, or of mappings that have a name"),
        ("collections: [1]", "collections[0]: must be a collection's name, or a mapping that has one"),
        ("collections: [{version: '1'}]", "collections[0].name: missing, and it is required"),
        ("collections: [a.b, A.b]", 'collections[1].name: must look like community.general, found "A.b"'),
        (
            "collections: [{name: a.b, version: 1.10}]",
            "collections[0].version: must be a string, found 1.1; put it in quotes",
        ),
        (
            "collections: ['a.b:1.0.0']",
            "collections[0].name: a range beside the name is for the command line of ansible-galaxy only; write name:"
            " and version:",
        ),
        (
            "collections: [{name: a.b, version: ~1}]",
            "collections[0].version: version range '~1', condition '~1': expected *, or one of == = != >= > <= < and a"
            " version, as in >=1.0.0,<2.0.0 ('~1' does not start with numbers that dots separate)",
        ),
        ("collections: [{name: a.b, type: hg}]", "collections[0].type: must be galaxy, found 'hg'"),
        ("a: 1\na: 2", "line 2: 'a' is given twice in one mapping"),
    ],
)
def test_a_refusal_says_where_and_what_to_write(text: str, problem: str) -> None:
    error = refusal(text.encode())
    assert (error.path, error.problem) == (PATH, problem)


@pytest.mark.parametrize(
    "entry",
    [
        "{name: a.b, source: 'https://me:hunter2@hub.example.com/'}",
        "{name: a.b, source: 'https://hub.example.com/ ?token=hunter2'}",
        "{name: a.b, version: 1.0.0, signatures: 'https://me:hunter2@keys.example.com/'}",
        "'https://me:hunter2@example.com/a-b-1.0.0.tar.gz?token=hunter2'",
        "{name: 'git+https://hunter2@example.com/a/b'}",
        "{name: a.b, type: 'hg+https://me:hunter2@example.com/a/b'}",
    ],
)
def test_a_password_is_not_repeated(entry: str) -> None:
    assert "hunter2" not in str(refusal(f"collections: [{entry}]".encode()))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xfec", "the file is not text in UTF-8 (byte 0)"),
        (b"#" * (MAX_REQUIREMENTS_BYTES + 1), f"the file is larger than {MAX_REQUIREMENTS_BYTES} bytes"),
        (b"[" * 100_000, "the file is nested too deeply"),
        (b"collections: &a [*a]", "collections[0]: must be a collection's name, or a mapping that has one"),
        (b"collections: [&a {<<: *a}]", "the file is nested too deeply"),
    ],
)
def test_what_would_cost_much_is_refused_at_once(data: bytes, problem: str) -> None:
    assert refusal(data).problem == problem


def test_aliases_and_merges_that_multiply_are_refused_in_few_words() -> None:
    levels = range(1, 40)
    lists = ["a0: &a0 [x]"] + [f"a{level}: &a{level} [{f'*a{level - 1}, ' * 9}]" for level in levels]
    merges = ["a0: &a0 {k: 1}"] + [f"a{level}: &a{level} {{<<: [{f'*a{level - 1}, ' * 9}]}}" for level in levels]
    for bomb in (lists, merges):
        assert len(str(refusal("\n".join([*bomb, "collections: *a39"]).encode()))) < 200


def test_a_large_file_is_read_whole() -> None:
    text = "collections:\n" + "".join(f"- name: a.b{number}\n  version: '>=1'\n" for number in range(5000))
    assert len(read(text).collections) == 5000


_KEYS = st.sampled_from(["name", "version", "source", "type", "signatures", "latest"]) | st.text(max_size=4)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["a.b", "1.0.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


def problem(text: str) -> str | None:
    try:
        read(text)
    except ManifestError as error:
        return error.problem
    return None


@given(_VALUES)
def test_any_entry_is_read_or_refused_with_its_place(entry: object) -> None:
    told = problem(yaml.safe_dump({"collections": [entry]}))
    assert told is None or told.startswith("collections[0]")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(data: bytes) -> None:
    refusal(data)


def test_whoever_has_no_such_file_does_not_pay_for_a_parser() -> None:
    program = (
        "import sys, collectionsync.requirements;"
        "print({'yaml', 'difflib', 'collectionsync.explanation'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
