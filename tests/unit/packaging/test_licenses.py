"""Licenses: said where known, said to be unknown where not, never guessed."""

import json
from pathlib import Path

import pytest

from weighbridge.packaging.licenses.declared import expression, from_file
from weighbridge.packaging.licenses.texts import normalized, recognise

REPOSITORY = Path(__file__).parents[3]
MIT = """MIT License

Copyright (c) 2024 Somebody, Inc.

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def test_a_license_is_known_by_its_whole_text():
    assert recognise((REPOSITORY / "LICENSE").read_text("utf-8")) == "Apache-2.0"
    assert recognise(MIT) == "MIT"
    assert recognise(MIT.replace("\n", "\r\n").replace('"', "'").upper()) == "MIT"
    assert recognise(" ".join(MIT.split("\n\n", 2)[2].split())) == "MIT"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "All rights reserved.",
        MIT + "\nThe Software shall not be used for weapons.\n",
        MIT.replace("and/or sell", "but not sell"),
        MIT.replace("without restriction", "with restrictions"),
        (REPOSITORY / "LICENSE").read_text("utf-8") + "\nCommons Clause: you may not sell the Software.\n",
        MIT + MIT,
    ],
    ids=["empty", "reserved", "one condition more", "one right less", "restricted", "Commons Clause", "two"],
)
def test_a_text_with_one_condition_more_is_another_license(text):
    assert recognise(text) is None
    assert from_file(text.encode())[0][0] is None


@pytest.mark.parametrize(
    ("given", "spdx"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("gpl-3.0", "GPL-3.0-only"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("LicenseRef-ours", "LicenseRef-ours"),
    ],
)
def test_what_is_on_the_list(given, spdx):
    assert expression(given) == (spdx, "")


@pytest.mark.parametrize(
    "given", ["llama3", "openrail", "bsd", "gpl", "mit and llama3", "MIT (", "()", "MIT AND", "((((" * 90]
)
def test_what_is_not_on_the_list_is_named_and_claims_nothing(given):
    found, message = expression(given)
    assert "not on SPDX's list" in message
    assert found is None or found.startswith("LicenseRef-")


@pytest.mark.parametrize("given", ["", "other", "unknown", "UNLICENSED", "x" * 401, "mit\u202e"])
def test_what_is_no_license(given):
    assert expression(given)[0] is None
    assert expression(given)[1]


def test_tags_count_before_the_text():
    data = b"SPDX-License-Identifier: Apache-2.0 OR MIT\n" + MIT.encode()
    assert from_file(data) == [("Apache-2.0 OR MIT", "")]


def test_all_places_are_asked(manifest):
    header = {"__metadata__": {"license": "cc-by-4.0"}}
    text = json.dumps(header).encode()
    files = {
        "LICENSE": MIT,
        "sub/LICENSE.md": "SPDX-License-Identifier: BSD-3-Clause",
        "USE_POLICY.md": "Be good.",
        "NOTICE": "Somebody",
        "m.safetensors": len(text).to_bytes(8, "little") + text,
    }
    found = manifest(files, "---\nlicense: other\nlicense_name: house-terms\n---\n")
    assert found.licenses == ("BSD-3-Clause", "CC-BY-4.0", "LicenseRef-house-terms", "MIT")
    assert {(finding.path, finding.about) for finding in found.findings} == {
        ("README.md", "license"),
        ("USE_POLICY.md", "license"),
    }
    assert [file.path for file in found.files if file.role == "license"] == [
        "LICENSE",
        "NOTICE",
        "USE_POLICY.md",
        "sub/LICENSE.md",
    ]


def test_no_license_is_said(manifest):
    found = manifest({"m.bin": b"\0"}, "# card\n")
    assert found.licenses == ()
    assert [finding.message for finding in found.findings] == ["names no license"]


def test_no_condition_fits_where_a_holder_is_named():
    for begin, end in (
        ("neither the name of", "nor the names of its contributors"),
        ("this software is provided by", "as is and"),
        ("in no event shall", "be liable"),
    ):
        assert normalized(f"x. {begin} Somebody Inc {end}") != normalized(f"x. {begin} {'word ' * 11}{end}")
        assert "word" in normalized(f"x. {begin} {'word ' * 11}{end}")
