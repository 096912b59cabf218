"""The manuscript against what the report writes, and through the typesetter to a PDF."""

import re
import shutil
import subprocess
from pathlib import Path

import pypandoc
import pytest
import typst
import yaml

from memorization import protocol
from memorization.report.figures import FIGURES
from memorization.report.tables import TABLES
from memorization.report.variables import facts_of, to_yaml, variables

PAPER = Path(__file__).parents[2] / "paper"
TEXT = (PAPER / "index.qmd").read_text(encoding="utf-8")
SHORTCODE = re.compile(r"\{\{<\s*(\w+)\s+(\S+)\s*>\}\}")
# What the text may say in digits: constants of the protocol, which no parameter changes.
CONSTANTS = {"32": protocol.PROMPT, "64": protocol.SEQUENCE}
CROSS_REFERENCE = re.compile(r"@(fig|tbl|sec|eq)-([\w-]+)")


def arguments(shortcode):
    return {found for name, found in SHORTCODE.findall(TEXT) if name == shortcode}


def resolved(written, paper):
    """Return the text as Quarto would hand it to pandoc: shortcodes and references replaced."""

    def value(match):
        name, argument = match.groups()
        if name == "include":
            return (paper / argument).read_text(encoding="utf-8")
        topic, _, key = argument.partition(".")
        return written[topic][key]

    text = SHORTCODE.sub(value, TEXT)
    return CROSS_REFERENCE.sub(lambda m: f"{m[1].capitalize()}. {m[2]}", text)


def test_only_known_shortcodes_are_used():
    assert {name for name, _ in SHORTCODE.findall(TEXT)} == {"var", "include"}
    assert TEXT.count("{{<") == len(SHORTCODE.findall(TEXT))


@pytest.mark.parametrize("target", ["results", "smallest", "large", "published"])
def test_the_variables_are_those_of_the_text_whatever_the_target(target, request):
    """None is missing, and none is written that nothing reads."""
    written = yaml.safe_load(to_yaml(variables(facts_of(request.getfixturevalue(target)))))
    names = {f"{topic}.{name}" for topic, found in written.items() for name in found}
    assert names == arguments("var")


def test_every_figure_and_table_is_shown_and_referred_to():
    shown = set(re.findall(r"\]\(figures/(\w+)\.svg\)\{#fig-([\w-]+)\}", TEXT))
    assert {name for name, _ in shown} == set(FIGURES)
    assert all(name.replace("_", "-") == label for name, label in shown)
    assert arguments("include") == {f"tables/{name}.md" for name in TABLES}
    labels = set(re.findall(r"\{#((?:fig|tbl|sec|eq)-[\w-]+)", TEXT))
    references = {"-".join(found) for found in CROSS_REFERENCE.findall(TEXT)}
    assert references <= labels
    assert {label for label in labels if not label.startswith("sec-")} <= references


def test_numbers_of_the_text_are_variables():
    """No digit is typed into abstract, prose, captions or alternative texts.

    Formulas and code are left out, and names: F1, Pythia-12B.
    """
    _, header, prose = TEXT.split("---\n", 2)
    metadata = yaml.safe_load(header)
    for pattern in (r"\$\$.*?\$\$", r"\$[^$\n]+\$", r"`[^`]*`"):
        prose = re.sub(pattern, " ", prose, flags=re.DOTALL)
    said = [prose, *(metadata[name] for name in ("title", "abstract"))]
    said += re.findall(r'\bfig-alt="([^"]*)"', prose)
    assert set(typed(" ".join(said))) <= set(CONSTANTS)
    assert {name: str(value) for name, value in CONSTANTS.items()} == {n: n for n in CONSTANTS}
    assert protocol.PROMPT == protocol.CONTINUATION


def typed(text):
    """Return the numbers of a text that are not put there by a variable.

    >>> typed("in 2 of {{< var a.b1 >}} [texts](f9.svg){#fig-5}, F1, micro-9k: 0.5, 32 [@a2020b]")
    ['2', '0.5', '32']
    """
    for pattern in (r"\{\{<.*?>\}\}", r"\{[^{}]*\}", r"\]\([^)]*\)", r"@[\w-]+"):
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    found = re.findall(r"(?<![A-Za-z\d])(?<![A-Za-z]-)\d[\d.,]*", text)
    return [number.rstrip(".,") for number in found]


def test_every_citation_is_in_the_bibliography_and_every_entry_cited():
    entries = re.findall(r"^@\w+\{([\w-]+),", (PAPER / "references.bib").read_text(), re.MULTILINE)
    assert len(entries) == len(set(entries))
    assert set(re.findall(r"@([a-z]+\d{4}[a-z]+)", TEXT)) == set(entries)


def test_manuscript_becomes_a_pdf(paper):
    if quarto := shutil.which("quarto"):
        done = subprocess.run(
            [quarto, "render", str(paper), "--to", "typst"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        pdf = (paper / "_output" / "index.pdf").read_bytes()
    else:
        print("quarto is not on PATH: shortcodes replaced here, then pandoc and typst")
        pdf = typeset(paper)
    assert pdf.startswith(b"%PDF")
    # Ten figures, six tables and the text do not fit on fewer.
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 8


def typeset(paper):
    """Return the PDF that pandoc and typst make of the manuscript."""
    written = yaml.safe_load((paper / "_variables.yml").read_text(encoding="utf-8"))
    source = pypandoc.convert_text(
        resolved(written, paper),
        "typst",
        format="markdown",
        extra_args=[
            "--standalone",
            "--citeproc",
            f"--bibliography={paper / 'references.bib'}",
            f"--lua-filter={paper / 'claims.lua'}",
            "--fail-if-warnings",
        ],
    )
    assert "{{<" not in source
    (paper / "index.typ").write_text(source, encoding="utf-8")
    return typst.compile(str(paper / "index.typ"), root=str(paper))
