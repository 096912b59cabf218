"""What the licence scan must find, and that a person has decided on all that it finds."""

import csv
import re
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "corpus"
sys.path.insert(0, str(CORPUS))

import harvest  # noqa: E402
import licence_review  # noqa: E402

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any\nperson obtaining a copy"


@pytest.mark.parametrize(
    ("licence", "notice", "missing"),
    [
        ("MIT", MIT, []),
        ("MIT", "# " + MIT.replace("\n", "\n# "), []),
        ("MIT", "The package ships no licence file.", ["MIT"]),
        ("MIT AND CC0-1.0", MIT, ["CC0-1.0"]),
        ("GPL-3.0-only", "GNU General Public License", ["GPL-3.0-only"]),
        ("BSD-3-Clause", licence_review.BSD, ["BSD-3-Clause"]),
        ("BSD-3-Clause", f"{licence_review.BSD}\nNeither the name of the University", []),
    ],
)  # fmt: skip
def test_a_notice_must_hold_the_wording_of_its_licence(licence, notice, missing):
    assert licence_review.unsaid(licence, notice) == missing


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("import os\n", []),
        ("Licensed under the Apache License, Version 2.0", []),
        ("SPDX-License-Identifier: LGPL-2.1-or-later", ["copyleft"]),
        ("under the GNU\nGeneral Public License", ["copyleft"]),
        ("This work is under CC BY-NC 4.0", ["Creative Commons"]),
        ("for personal, non-commercial purposes", ["restricted"]),
        ("Reprinted with permission of the author", ["permission"]),
    ],
)
def test_terms_that_are_found(text, reasons):
    assert [reason for reason, _ in licence_review.passages(text)] == reasons


def test_a_text_that_contradicts_its_package_is_found(tmp_path):
    documents = {
        "code/good-1/a.py": b"import os\n",
        "code/bad-1/b.py": b"import os\n# GPL-3.0\n",
        "code/bad-1/c.py": b"# GPL-3.0\n",
    }
    rows = [(n, *n.split("/")[1].split("-"), n.split("/")[2], "MIT") for n in documents]
    (tmp_path / "corpus.tar.xz").write_bytes(harvest.pack(documents))
    with (tmp_path / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("document", "package", "version", "path", "licence"), *rows])
    (tmp_path / "licences").mkdir()
    for package in ("good", "bad"):
        (tmp_path / "licences" / f"{package}-1.txt").write_text(MIT)
    assert licence_review.review(tmp_path) == [
        licence_review.Doubt("bad", "text b.py", "copyleft", "import os # GPL-3.0")
    ]


def test_every_doubt_is_decided():
    decided = (CORPUS / "README.md").read_text("utf-8").partition("### What was doubtful")[2]
    cells = re.findall(r"^\| (`[^|]*) \|", decided, re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", " ".join(cells)))
    doubtful = {doubt.package for doubt in licence_review.review(CORPUS)}
    assert doubtful <= named
    assert named <= {source.name for source in harvest.SOURCES}


def test_further_notices_hold_the_heads_and_what_is_added():
    heads = ["# Copyright A. B. <a.b@university.edu>", "# Copyright C. D."]
    notice = harvest.further_notices("palmerpenguins-0.1.6.txt", heads).decode()
    assert "A. B. <[address removed]>\n\n# Copyright C. D.\n" in notice
    assert notice.endswith((harvest.NOTICES / "palmerpenguins-0.1.6.txt").read_text("utf-8"))
    assert harvest.further_notices("no such package", []) == b""


def test_what_is_added_reached_the_notices():
    for added in harvest.NOTICES.iterdir():
        assert added.read_text("utf-8") in (CORPUS / "licences" / added.name).read_text("utf-8")
