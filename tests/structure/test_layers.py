"""Each part of the package imports only from those before it, and no folder is a heap."""

import shutil

import pytest
from structure import layers

from memorization.sources import PACKAGE


def test_every_import_is_of_a_layer_before():
    found = layers.upward_imports()
    assert not found, "\n".join(found)


def test_no_modules_import_each_other_in_a_circle():
    found = layers.circles()
    assert not found, "\n".join(found)


def test_no_folder_holds_more_files_than_one_can_survey():
    found = layers.crowded_packages()
    assert not found, "\n".join(found)


@pytest.fixture
def package(tmp_path):
    """A small package with some parts of the real one's names, and nothing wrong."""
    folder = tmp_path / "src" / "memorization"
    for name, text in {
        "__init__": "",
        "errors": "",
        "files": "from memorization.errors import UserError",
        "suite/__init__": "from memorization.suite.suite import Suite",
        "suite/suite": "from memorization import files",
        "labels/__init__": "",
        "labels/scan": "from memorization.suite import Suite",
        "features/__init__": "",
    }.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return folder


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("files.py", "import memorization.suite.suite", "files does not come after suite"),
        ("suite/suite.py", "from memorization import labels", "suite does not come after labels"),
        (
            "labels/scan.py",
            "def f():\n    from memorization.features import f",
            "labels does not come after features",
        ),
    ],
)
def test_an_upward_import_is_found(package, file, line, message):
    assert layers.upward_imports(package) == layers.circles(package) == []
    with (package / file).open("a") as end:
        end.write(line)
    [found] = layers.upward_imports(package)
    assert found.startswith(f"src/memorization/{file}:{2 + line.count(chr(10))}: imports ")
    assert found.endswith(message)


def test_an_import_for_types_is_none(package):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from memorization import suite"
    (package / "files.py").write_text(text)
    assert layers.upward_imports(package) == []


def test_a_new_part_must_be_given_its_layer(package):
    (package / "news.py").touch()
    [found] = layers.upward_imports(package)
    assert found == "news: of no layer; add it to LAYERS in tests/structure/layers.py"


def test_a_circle_is_found_though_it_is_inside_a_package_and_a_function(package):
    (package / "suite" / "suite.py").write_text("def f():\n    from memorization.suite import read")
    (package / "suite" / "read.py").write_text("\nfrom memorization.suite.suite import Suite")
    assert layers.upward_imports(package) == []
    assert sorted(line.split(": imports")[0] for line in layers.circles(package)) == [
        "src/memorization/suite/read.py:2",
        "src/memorization/suite/suite.py:2",
    ]


def test_a_heap_is_found_unless_it_says_why(package):
    for n in range(12):
        (package / "features" / f"f{n}.py").touch()
    assert layers.crowded_packages(package) == []
    (package / "features" / "f12.py").touch()
    [found] = layers.crowded_packages(package)
    assert found.startswith("src/memorization/features/__init__.py:1: 13 files side by side")
    init = package / "features" / "__init__.py"
    init.write_text('"""Features. More than twelve files: one a family."""\n')
    assert layers.crowded_packages(package) == []


def test_the_real_package_is_what_is_looked_at(tmp_path):
    """With one line at its end, a copy fails."""
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(PACKAGE, tmp_path / "src" / "memorization", ignore=ignored)
    before = layers.upward_imports(copy)
    with (copy / "files.py").open("a") as end:
        end.write("\nfrom memorization.cli import app\n")
    assert len(layers.upward_imports(copy)) == len(before) + 1
    assert layers.circles(copy)
