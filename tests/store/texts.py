"""JSON texts as a source might send them: every escape, odd space, keys that come twice, numbers of any form."""

from hypothesis import strategies as st

_ESCAPES = [r"\\", r"\"", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u00e9", r"\u0000", r"\ud800", r"\udc00"]
_PAIRS = [r"\uD83D\uDE00", r"\\N", r"\\.", r"\\u0000", r"\\ud800"]
_CHARACTERS = ["\x7f", "'", "é", "\u2028", "\ufeff", "\ufffd", "😀", "{}", "[1,2]", ","]
_FRAGMENTS = st.sampled_from([*_ESCAPES, *_PAIRS, *_CHARACTERS])
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=8)
STRINGS = st.lists(_FRAGMENTS | _TEXT, max_size=12).map(lambda parts: f'"{"".join(parts)}"')
_SPACE = st.sampled_from(["", " ", "\n", "\t", "\r\n  "])
_SCALARS = STRINGS | st.sampled_from(["null", "true", "0", "-0", "1e2", "1E+400", "0.10", "1" * 60])


def _inside(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arrays = st.tuples(_SPACE, st.lists(values, max_size=4)).map(lambda it: f"[{it[0]}{(',' + it[0]).join(it[1])}]")
    # Keys may come twice: json keeps both.
    members = st.tuples(STRINGS, _SPACE, values).map(lambda it: f"{it[0]}{it[1]}:{it[2]}")
    return arrays | st.lists(members, max_size=4).map(lambda each: "{" + ",".join(each) + "}")


JSON = st.tuples(_SPACE, st.recursive(_SCALARS, _inside, max_leaves=8), _SPACE).map(lambda it: "".join(it).encode())
