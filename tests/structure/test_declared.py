"""dvc.yaml tells the truth: a stage lists the code that it runs and the params that it reads."""

import re
import shutil
from pathlib import Path

import pytest
from structure import declared

from memorization.sources import PACKAGE

TEXT = declared.PIPELINE.read_text("utf-8")
# The parts of it that are broken below, alone: others take their time.
SEQUENCES, SPLIT = (
    "stages:\n" + re.search(rf"(?s)  {stage}: .*?\n\n", TEXT)[0] for stage in ("sequences", "split")
)
REMEDY = "\n`make declare` writes dvc.yaml anew from the code"


def test_every_stage_declares_its_code_and_its_params():
    found = declared.mistakes(TEXT)
    assert not found, "\n".join(found) + REMEDY
    assert declared.rewritten(TEXT) == TEXT, f"dvc.yaml: sort deps and params{REMEDY}"


@pytest.fixture
def package(tmp_path):
    """A copy of the package, to be broken."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, tmp_path / "src" / "memorization", ignore=ignored))


def _append(file, text):
    file.write_text(f"{file.read_text('utf-8')}\n\n{text}\n", "utf-8")


def test_a_module_that_is_imported_inside_a_function_is_missing(package):
    _append(package / "sampling.py", "def f():\n    from memorization.parallel import in_processes")
    found = declared.mistakes(SEQUENCES, package)
    line = "dvc.yaml: stage 'sequences': deps: add    - src/memorization/parallel.py"
    assert line in found


def test_a_module_that_is_imported_for_types_only_is_not(package):
    text = "if TYPE_CHECKING:\n    from memorization.parallel import in_processes"
    _append(package / "sampling.py", text)
    assert declared.mistakes(SEQUENCES, package) == []


def test_a_file_that_is_read_beside_the_code_counts_and_a_new_one_breaks_up_a_folder(package):
    (package / "split" / "words.txt").write_text("a")
    found = declared.mistakes(SPLIT, package)
    assert "dvc.yaml: stage 'split': deps: remove - src/memorization/split" in found
    _append(package / "split" / "folds.py", "WORDS = 'words.txt'")
    assert declared.mistakes(SPLIT, package) == []


def test_every_file_beside_the_code_is_read_by_a_stage():
    read = {
        path for stage in declared.yaml.safe_load(TEXT)["stages"].values() for path in stage["deps"]
    }
    root = PACKAGE.parents[1]
    beside = [
        path.relative_to(root)
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    ]
    assert len(beside) >= 2
    for path in beside:
        assert any(str(part) in read for part in (path, *path.parents)), path


def test_what_is_declared_but_not_run_is_too_much():
    line = "      - src/memorization/sampling.py\n"
    found = declared.mistakes(SEQUENCES.replace(line, line + line.replace("sampling", "cli")))
    assert found == ["dvc.yaml: stage 'sequences': deps: remove - src/memorization/cli.py"]
    found = declared.mistakes(SEQUENCES.replace(line, line * 2))
    assert found == ["dvc.yaml: stage 'sequences': deps: twice  - src/memorization/sampling.py"]


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("def f(params):\n    return params.bootstrap.level", ["bootstrap.level"]),
        ("def f(params):\n    return params.bootstrap.model_dump()", ["bootstrap"]),
        ("def f(self):\n    return self.params.suite.models['a'].hidden", ["suite.models"]),
        ("def f(results):\n    return results.params.is_pythia", ["target"]),
    ],
)
def test_params_that_the_code_reads(package, text, added):
    _append(package / "split" / "folds.py", text)
    found = declared.mistakes(SPLIT, package)
    assert found == [f"dvc.yaml: stage 'split': params: add    - {name}" for name in added]


@pytest.mark.parametrize(
    "text",
    [
        "def f(p: Params): ...",
        "p = load_params()",
        "def f(results):\n    p = results.params",
        "def f(params, name):\n    return getattr(params, name)",
        "def f(params):\n    return params.model_dump()",
    ],
)
def test_params_under_another_name_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"module.py:\d: .*read each parameter by its whole name"):
        declared.reads(tmp_path / "module.py", text)


def test_rewriting_keeps_comments_and_all_but_sources_and_params():
    stage = "  split: # Why?\n    cmd: python -m memorization.stages.split\n    deps:\n"
    rest = "    # A comment.\n    outs:\n      - results/splits.parquet\n"
    head, results = "# Head.\nstages:\n", "      - results/sequences.parquet # in\n"
    source, params = "      - src/memorization/old.py\n", "    params:\n      - a\n      - b\n"
    found = declared.rewritten(head + stage + results + source + params + rest)
    sources = "".join(f"      - {path}\n" for path in declared.source_deps("split"))
    assert found == f"{head}{stage}{results}{sources}    params: [seed, split]\n{rest}"
