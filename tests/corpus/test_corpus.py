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
    pins = {(s.name, s.version, s.licence) for s in harvest.SOURCES}
    assert {(r["package"], r["version"], r["licence"]) for r in manifest} == pins


def test_size_and_domains(documents):
    size = Counter[str]()
    for document in documents:
        size[document.domain] += len(document.text.encode())
    assert 15e6 < size.total() < 20e6
    assert 6 <= len(size) <= 10
    assert min(size.values()) > 0.02 * size.total()
    assert (CORPUS / "corpus.tar.xz").stat().st_size < 5e6


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


def test_every_package_ships_its_licence(documents, manifest):
    packages = {f"{r['package']}-{r['version']}" for r in manifest}
    licensed = {
        d.name.split("/")[1]
        for d in documents
        if d.domain == "licences"
        and re.search(r"(?i)permission|redistribution|apache license|copyright", d.text)
    }
    assert licensed == packages


def test_vendored_copies_are_kept(documents):
    copies = Counter(d.text for d in documents)
    assert sum(n > 1 for n in copies.values()) >= 50


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
    assert bool(harvest.refusal("code", text.encode())) is refused


def test_refusal_of_what_is_not_text():
    assert harvest.refusal("code", "é".encode("latin-1")) == "not UTF-8"


def test_licences_lose_only_the_address():
    licence = b"Copyright Jane Doe <jane@university.edu>. See someone@example.org."
    assert harvest.refusal("licences", licence) is None
    expected = b"Copyright Jane Doe <[address removed]>. See someone@example.org."
    assert harvest.without_addresses(licence) == expected


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
