"""The shipped archive is what its manifest says, holds no addresses, and reads back whole."""

import csv
import hashlib
import lzma
import re
import sys
import tarfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest

from memorization.errors import UserError
from memorization.suite.micro.corpus import Document, read_corpus

CORPUS = Path(__file__).parents[2] / "corpus"
sys.path.insert(0, str(CORPUS))

import harvest  # noqa: E402


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return read_corpus(CORPUS / "corpus.tar.xz")


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    with (CORPUS / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def archive_of(members: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return stream.getvalue()


def test_manifest_describes_every_document(documents, manifest):
    found = []
    for document in documents:
        content = document.text.encode()
        digest = hashlib.sha256(content).hexdigest()
        found.append((document.name, document.domain, str(len(content)), digest))
    listed = [(r["document"], r["domain"], r["bytes"], r["sha256"]) for r in manifest]
    assert found == listed
    assert listed == sorted(listed)
    for r in manifest:
        assert r["document"] == f"{r['domain']}/{r['package']}-{r['version']}/{r['path']}"


def test_manifest_agrees_with_the_pins(manifest):
    pins = {(s.name, s.version, s.registry, s.licence) for s in harvest.SOURCES}
    found = {(r["package"], r["version"], r["registry"], r["licence"]) for r in manifest}
    assert found == pins


def test_documents_keep_within_what_their_source_says(documents, manifest):
    number = Counter[tuple[str, str]]()
    for document, row in zip(documents, manifest, strict=True):
        if document.domain == "licences":
            assert len(document.text) <= harvest.LICENCE_HEAD
            continue
        source = row["package"], row["domain"]
        sources = [s for s in harvest.SOURCES if (s.name, s.domain) == source]
        heads = [s.head for s in sources if s.takes(row["path"])]
        assert any(not head or len(document.text) <= head for head in heads), document.name
        number[source] += 1
    for (name, domain), found in number.items():
        assert found <= sum(
            s.files for s in harvest.SOURCES if (s.name, s.domain) == (name, domain)
        )


def test_size_and_domains(documents):
    size = Counter[str]()
    for document in documents:
        size[document.domain] += len(document.text.encode())
    assert 12e6 < size.total() < 16e6
    assert 8 <= len(size) <= 12
    assert min(size.values()) > 0.01 * size.total()
    assert (CORPUS / "corpus.tar.xz").stat().st_size < 6e6


def test_no_addresses_and_no_keys(documents):
    # Written apart from the harvest's own rule, so that a hole in that rule shows.
    address = re.compile(
        r"[\w.+-]+@[\w-]+\.(?:[\w-]+\.)*(?:com|org|net|edu|gov|io|de|fr|uk|in|eu)\b"
    )
    key = re.compile(r"PRIVATE KEY-----|AKIA[A-Z0-9]{16}|ghp_\w{30}|hf_[A-Za-z]{30}")
    for document in documents:
        found = [a for a in address.findall(document.text) if "@example." not in a]
        assert not found, document.name
        assert not key.search(document.text), document.name


def test_every_package_ships_its_licence(manifest):
    packages = {f"{r['package']}-{r['version']}.txt".replace("/", "+") for r in manifest}
    licences = {path.name: path.read_text("utf-8") for path in (CORPUS / "licences").iterdir()}
    assert set(licences) == packages
    told = re.compile(r"(?i)permission|redistribution|licen[cs]e|public domain")
    assert all(told.search(text) for text in licences.values())
    assert not any(harvest.ADDRESS.search(text) for text in licences.values())


def test_templates_recur_and_are_not_added(documents):
    # The line that most documents of a source hold is its template: many sources have one.
    sources: dict[str, Counter[str]] = {}
    for document in documents:
        source = document.name.rpartition("/")[0] if document.domain == "prose" else document.name
        package = "/".join(source.split("/")[: 3 if "/@" in source else 2])
        sources.setdefault(package, Counter()).update(set(document.text.split("\n")))
    most = [max(n for line, n in lines.items() if line.strip()) for lines in sources.values()]
    assert sum(n >= 90 for n in most) >= 60


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("def f(x):\n    return x @ y.T\n", False),
        ("@pytest.mark.slow\n@property\n", False),
        ("write to someone@example.org or root@localhost\n", False),
        ("Written by Jane <jane.doe@university.edu>\n", True),
        ("-----BEGIN RSA PRIVATE KEY-----\n", True),
        ('api_key = "0123456789abcdef0123"\n', True),
        ("var a=1;" * 1000, True),
        ("  \n", True),
    ],
)
def test_refusal(text, refused):
    assert bool(harvest.refusal(text.encode())) is refused


def test_refusal_of_what_is_not_text():
    assert harvest.refusal("é".encode("latin-1")) == "not UTF-8"


def test_licences_lose_only_the_address():
    licence = b"Copyright Jane Doe <jane@university.edu>. See someone@example.org."
    expected = b"Copyright Jane Doe <[address removed]>. See someone@example.org."
    assert harvest.without_addresses(licence) == expected
    assert harvest.refusal(expected) is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("# Copyright 2020 A. B.\n# All rights reserved.\n\nimport os\n", "import os\n"),
        ("/*\n * Licensed under X\n */\n/* a list */\nint a;\n", "/* a list */\nint a;\n"),
        ("// a list\n// of things\nvar a;\n", "// a list\n// of things\nvar a;\n"),
        ("<!-- SPDX: X -->\n<svg/>\n", "<svg/>\n"),
        ('"""Copyright A. B."""\nx = 1\n', "x = 1\n"),
        ("x = 1  # licence\n", "x = 1  # licence\n"),
    ],
)
def test_only_legal_comments_at_the_head_are_taken_away(text, left):
    rest, comments = harvest.part_legal_comments(text)
    assert rest == left
    assert len(comments) == (rest != text)
    assert all(comment in text for comment in comments)


@pytest.mark.parametrize(
    ("text", "characters", "head"),
    [
        ("one\ntwo\nthree\n", 8, "one\ntwo\n"),
        ("one\ntwo\nthree\n", 9, "one\ntwo\n"),
        ("one two three", 8, "one two"),
        ("one\n", 0, "one\n"),
        ("one\n", 4, "one\n"),
    ],
)
def test_a_head_ends_with_a_line(text, characters, head):
    assert harvest.head_of(text, characters) == head


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a/*.py", "a/b.py", True),
        ("a/*.py", "a/b/c.py", False),
        ("a/**/*.py", "a/b.py", True),
        ("a/**/*.py", "a/b/c/d.py", True),
        ("**/*.py", "x.py", True),
        ("a/[!b]*.py", "a/bc.py", False),
        ("a/*.py", "a/bxpy", False),
    ],
)
def test_globs(pattern, path, matches):
    assert bool(harvest.glob(pattern).fullmatch(path)) is matches


def test_packing_is_deterministic_and_reads_back(tmp_path):
    documents = {"b/x.txt": "é\r\n".encode(), "a/y/z.txt": b"text"}
    packed = harvest.pack(documents)
    assert packed == harvest.pack(dict(reversed(documents.items())))
    (tmp_path / "c.tar.xz").write_bytes(packed)
    assert read_corpus(tmp_path / "c.tar.xz") == [
        Document("a/y/z.txt", "a", "text"),
        Document("b/x.txt", "b", "é\r\n"),
    ]


def test_damaged_archives_are_refused(tmp_path):
    whole = (CORPUS / "corpus.tar.xz").read_bytes()
    half = len(whole) // 2
    flipped = whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
    damaged = {"cut": whole[:half], "flipped": flipped, "text": b"not an archive", "empty": b""}
    for name, content in damaged.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}: the corpus archive is damaged"):
            read_corpus(path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "holds no documents"),
        ({"orphan.txt": b"text"}, "'orphan.txt' is not a file in a domain's folder"),
        ({"/code/x.py": b"text"}, "is not a file in a domain's folder"),
        ({"code/x.py": b"\xff"}, "'code/x.py' is not UTF-8"),
    ],
)
def test_wrong_archives_are_refused(tmp_path, members, message):
    path = tmp_path / "corpus.tar.xz"
    path.write_bytes(archive_of(members))
    with pytest.raises(UserError, match=message):
        read_corpus(path)


def test_a_tar_cut_short_inside_its_compression_is_refused(tmp_path):
    path = tmp_path / "corpus.tar.xz"
    path.write_bytes(lzma.compress(lzma.decompress(archive_of({"code/x.py": b"x" * 5000}))[:2000]))
    with pytest.raises(UserError, match="damaged"):
        read_corpus(path)
