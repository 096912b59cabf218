"""What the documentation says is so: its numbers, links, commands, parameters, files and code."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from dvc.cli.parser import get_main_parser
from markdown_it import MarkdownIt
from numbers_of_docs import NUMBER, numbers, of_results, parsed, plain

from memorization.cli import app

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/*.md")), ROOT / "corpus/README.md")
}

# All of the first, and of the README what it found, may hold no number that is not checked.
RESULTS = "docs/reading-results.md"
FOUND = "## What it found"

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def in_one_line(text):
    return " ".join(text.split())


# ---- The structure of a page


@functools.cache
def tokens(page):
    """Return the tokens of a page, those inside of paragraphs and cells among them."""
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(PAGES[page]):
        found += [token, *(token.children or [])]
    return found


def fenced(page):
    return [token for token in tokens(page) if token.type == "fence"]


def inline_code(page):
    return [token.content for token in tokens(page) if token.type == "code_inline"]


def anchors(page):
    """Return the names that GitHub gives to the headings of a page."""
    listed = tokens(page)
    headings = [
        listed[place + 1].content
        for place, token in enumerate(listed)
        if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page, heading):
    """Return the text below a heading, up to the next of its level or of a higher one."""
    level = len(heading.split()[0])
    text = PAGES[page].split(f"\n{heading}\n", 1)[1]
    return re.split(rf"\n#{{1,{level}}} ", text, maxsplit=1)[0]


def table(text):
    """Return the rows of the first table of a text, cells of raw Markdown, without its header."""
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def codes(cell):
    return re.findall(r"`([^`]+)`", cell)


# ---- Numbers


@functools.cache
def committed(path):
    """Return a file as committed: a variant in the working tree does not make the docs wrong."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True)
    text = shown.stdout if shown.returncode == 0 else (ROOT / path).read_bytes()
    return parsed(path, text.decode())


@pytest.mark.parametrize("number", numbers(), ids=lambda number: number["text"])
def test_a_number_in_the_text_is_the_committed_one(number):
    assert in_one_line(PAGES[number["page"]]).count(plain(number["text"])) == 1, "once on the page"
    assert NUMBER.findall(number["text"]) == of_results(number, committed(number["metrics"]))


def unlisted(page, text):
    """Return the results in a part of a page that ``docs/numbers.csv`` does not list.

    A result is a number with a decimal point, a comma, a percent sign, or three digits or more.
    """
    text = in_one_line(text)
    for number in numbers():
        if number["page"] == page:
            listed = NUMBER.sub("", number["text"])
            text = text.replace(plain(number["text"]), listed)
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", " ", text)
    found = re.findall(r"(?<![\w.,])−?\d[\d,]*(?:\.\d+)?%?(?!\w)", text)
    return [number for number in found if re.search(r"[.,%]\d|%|\d{3}", number.rstrip(","))]


def test_no_result_in_the_text_is_unlisted():
    assert unlisted("README.md", section("README.md", FOUND)) == []
    assert unlisted(RESULTS, PAGES[RESULTS]) == []
    assert unlisted("README.md", "a gain of 0.07, 12% of 1,024 in 32 tokens") == [
        "0.07",
        "12%",
        "1,024",
    ]


# ---- Links


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    links = [
        token.attrs.get("href") or token.attrs.get("src")
        for token in tokens(page)
        if token.type in ("link_open", "image")
    ]
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        if link.startswith(("http:", "https:")):
            continue
        target = (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page
        name = target.relative_to(ROOT).as_posix()
        if not target.exists() or (anchor and anchor not in anchors(name)):
            broken.append(link)
    assert broken == []


def test_every_page_is_linked_from_the_readme():
    readme = PAGES["README.md"]
    assert [page for page in PAGES if page != "README.md" and f"({page}" not in readme] == []


# ---- Commands and parameters

ASSIGNMENT = re.compile(r"\w+=")
PROGRAM = re.compile(r"(\w+=\S+ )*(memorization|dvc|make|python)( |$)")


def commands():
    """Return the commands of all pages, as (page, words), without variables set before them."""
    found = []
    for page in PAGES:
        blocks = [token.content for token in fenced(page) if token.info != "python"]
        lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
        for line in [*lines, *inline_code(page)]:
            if PROGRAM.match(line):
                words = shlex.split(line, comments=True)
                while ASSIGNMENT.match(words[0]):
                    words = words[1:]
                found.append(pytest.param(words, id=f"{page}: {' '.join(words)}"))
    return found


def known_parameter(key):
    found = PARAMS
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return True


@pytest.mark.parametrize("words", commands())
def test_every_command_names_what_exists(words):
    CHECKS[words[0]](words[1:])


def check_memorization(arguments):
    known = typer.main.get_command(app).commands
    if arguments:
        options = {name for option in known[arguments[0]].params for name in option.opts}
        assert {word for word in arguments if word.startswith("--")} <= options


def check_dvc(arguments):
    parsed = get_main_parser().parse_args(arguments)
    if arguments[0] == "repro":
        assert set(parsed.targets) <= set(STAGES)
    for change in getattr(parsed, "set_param", None) or []:
        key = change.partition("=")[0]
        # A key that is added is new, and what it is added to exists.
        key = key[1:].rpartition(".")[0] if key.startswith("+") else key.lstrip("~")
        assert known_parameter(key), change


def check_make(arguments):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {word for word in arguments if not ASSIGNMENT.match(word)} <= set(targets)


def check_python(arguments):
    if arguments[0] == "-m":
        spec = importlib.util.find_spec(arguments[1])
        assert spec is not None
        origin = Path(spec.origin)
        sources = origin.parent.rglob("*.py") if origin.name == "__init__.py" else [origin]
    else:
        sources = [ROOT / arguments[0]]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    for option in (word for word in arguments if word.startswith("--")):
        assert f'"{option}"' in text, option


CHECKS = {
    "memorization": check_memorization,
    "dvc": check_dvc,
    "make": check_make,
    "python": check_python,
}


@pytest.mark.parametrize("page", PAGES)
def test_every_parameter_and_file_named_exists(page):
    outputs = [output for stage in STAGES for output in outputs_of(stage)]
    missing = []
    for code in inline_code(page):
        name = code.partition("=")[0]
        is_key = re.fullmatch(r"\w+(\.\w+)+", name) and name.split(".")[0] in PARAMS
        if is_key and not re.search(r"\.(parquet|json|npz|csv|md|svg|py|yaml)$", name):
            missing += [] if known_parameter(name) else [code]
        is_path = re.fullmatch(r"(src|tests|docs|paper|results|examples|benchmarks)/[\w./-]+", code)
        if is_path and "NAME" not in code and not (ROOT / code).exists():
            missing += [] if any(code.startswith(output) for output in outputs) else [code]
    assert missing == []


# ---- Tables of what there is


def outputs_of(stage):
    listed = [*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", [])]
    return [next(iter(output)) if isinstance(output, dict) else output for output in listed]


def test_the_table_of_stages_is_that_of_the_pipeline():
    rows = {codes(row[0])[0]: row for row in table(section(RESULTS, "## What each stage writes"))}
    assert list(rows) == list(STAGES)
    for stage, row in rows.items():
        assert {name.rstrip("/") for name in codes(row[-1])} <= set(outputs_of(stage))


def test_every_package_is_on_the_map():
    source = (ROOT / "docs/layers.svg").read_text(encoding="utf-8")
    shown = set(re.findall(r"\w+", " ".join(re.findall(r"<text class=.name.*?>(.*?)<", source))))
    assert {path.parent.name for path in (ROOT / "src/memorization").glob("*/__init__.py")} <= shown


def test_every_metrics_file_is_explained_key_by_key():
    names = sorted(path.name for path in (ROOT / "results/metrics").glob("*.json"))
    headings = re.findall(r"^### `(.+\.json)`$", PAGES[RESULTS], re.MULTILINE)
    assert sorted(headings) == names
    for name in names:
        explained = [
            code for row in table(section(RESULTS, f"### `{name}`")) for code in codes(row[0])
        ]
        assert sorted(explained) == sorted(committed(f"results/metrics/{name}")), name


# ---- Code


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(token.content, id=f"{page}: {token.content.splitlines()[0]}")
        for page in PAGES
        for token in fenced(page)
        if token.info == "python"
    ],
)
def test_code_is_python_and_imports_what_exists(code):
    imported = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imported if not importlib.util.find_spec(node.module)] == []


# ---- Sizes and versions


def test_the_readme_is_short():
    assert len(PAGES["README.md"].split()) <= 1200


def test_the_changelog_knows_the_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"\n## {project['version']} ({citation['date-released']})\n" in PAGES["CHANGELOG.md"]
    assert citation["version"] == project["version"]
