"""What must hold of the artifact digest for any artifact."""

import random
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weighbridge.canonical import parse_json
from weighbridge.packaging.digest import EXCLUDED, artifact_bytes, artifact_digest

DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
PART = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
        min_size=1,
        max_size=12,
    )
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: text not in {".", ".."} and not DIRECTION & {unicodedata.bidirectional(ch) for ch in text})
)
PATH = st.lists(PART, min_size=1, max_size=4).map("/".join).filter(lambda path: path.split("/")[0] not in EXCLUDED)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
FILES = st.dictionaries(PATH, st.tuples(st.integers(0, 2**53 - 1), HEX), min_size=1, max_size=8).map(
    lambda files: [(path, size, sha256) for path, (size, sha256) in files.items()]
)


@given(FILES, st.randoms(use_true_random=False))
def test_order_does_not_count(files, source: random.Random):
    shuffled = list(files)
    source.shuffle(shuffled)
    assert artifact_digest(shuffled) == artifact_digest(files)


@given(FILES, st.data())
def test_any_change_changes_it(files, data):
    index = data.draw(st.integers(0, len(files) - 1))
    path, size, sha256 = files[index]
    changed = data.draw(
        st.one_of(
            PATH.map(lambda new: (new, size, sha256)),
            st.integers(0, 2**53 - 1).map(lambda new: (path, new, sha256)),
            HEX.map(lambda new: (path, size, new)),
            st.none(),
        )
    )
    others = files[:index] + files[index + 1 :]
    assume(changed != files[index])
    assume(changed is None or changed[0] == path or changed[0] not in {other[0] for other in others})
    assert artifact_digest(others if changed is None else [*others, changed]) != artifact_digest(files)


@given(FILES)
def test_the_bytes_say_exactly_the_files(files):
    listed = [tuple(entry) for entry in parse_json(artifact_bytes(files), "artifact.json")]
    assert sorted(listed) == sorted(files)
    assert [entry[0].encode() for entry in listed] == sorted(entry[0].encode() for entry in listed)


@given(FILES)
def test_a_file_given_twice_is_refused(files):
    with pytest.raises(ValueError, match="twice"):
        artifact_digest([*files, files[0]])
