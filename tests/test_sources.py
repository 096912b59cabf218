import shutil
from pathlib import Path

import pytest

from memorization import sources
from memorization.sources import PACKAGE, WITHOUT_EFFECT, code_digest, file_of, imports


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package of the same name, in the place of this one."""
    folder = tmp_path / "memorization"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "deep" / "__init__.py").write_text("from memorization.deep.low import LOW")
    (folder / "deep" / "low.py").write_text("LOW = 1")
    (folder / "deep" / "other.py").write_text("OTHER = 1")
    (folder / "errors.py").write_text("")
    (folder / "deep" / "style.json").write_text("{}")
    (folder / "top.py").write_text(MODULE)
    for name in ("progress", "params", "registered", "resume", "sources"):
        (folder / f"{name}.py").write_text("")
    monkeypatch.setattr(sources, "PACKAGE", folder)
    monkeypatch.setattr(sources.sources, "__kwdefaults__", {"apart": (), "package": folder})
    return folder


MODULE = '''"""Text."""
import numpy
from typing import TYPE_CHECKING
from memorization.errors import UserError
if TYPE_CHECKING:
    from memorization import params
class A:
    """Text."""
    size: int = 1  # why
    """Text of an attribute."""
    def f(self, x: int) -> int:
        """Text."""
        from memorization.deep import low
        return low.LOW + x
'''


def names(*modules, **options):
    found = sources.sources(*modules, **options)
    return [path.relative_to(sources.PACKAGE).as_posix() for path in found]


def test_a_module_is_made_of_all_that_it_imports_when_it_runs(package):
    assert names("memorization.top") == [
        "__init__.py",
        "deep/__init__.py",
        "deep/low.py",
        "errors.py",
        "top.py",
    ]
    assert names("memorization.top", apart=["memorization.deep"]) == [
        "__init__.py",
        "errors.py",
        "top.py",
    ]
    assert list(imports(package / "top.py", package)) == [
        ("memorization.errors", 4),
        ("memorization.deep.low", 13),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import memorization.deep.other",
        "import memorization.deep.other as o, os",
        "from memorization.deep import other",
        "from memorization.deep.other import OTHER",
        "from .deep.other import OTHER",
        "from . import deep\nfrom .deep import other",
    ],
)
def test_every_way_to_import_counts(package, text):
    (package / "top.py").write_text(text)
    assert "deep/other.py" in names("memorization.top")


def test_a_file_that_a_module_reads_beside_itself_counts(package):
    assert "deep/style.json" not in names("memorization.deep")
    (package / "deep" / "low.py").write_text("LOW = Path(__file__).with_name('style.json')")
    before = code_digest("memorization.deep")
    assert "deep/style.json" in names("memorization.deep")
    (package / "deep" / "style.json").write_text("[]")
    assert code_digest("memorization.deep") != before


def test_a_module_that_is_not_there_is_an_error(package):
    (package / "top.py").write_text("import memorization.gone")
    with pytest.raises(ValueError, match=r"memorization\.gone: there is no such module"):
        names("memorization.top")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Text."""', '"""Other words,\n    on two lines."""'),
        ("# why", "# because"),
        ('    """Text of an attribute."""\n', ""),
        ("import numpy\n", "import numpy\n\n\n"),
        ("    from memorization import params\n", "    import memorization.deep.other\n"),
        ("low.LOW + x", "(low.LOW\n            + x)"),
    ],
)
def test_what_does_not_run_has_no_part_in_the_digest(package, old, new):
    before = code_digest("memorization.top")
    assert old in MODULE
    (package / "top.py").write_text(MODULE.replace(old, new))
    assert code_digest("memorization.top") == before


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_nor_has_what_cannot_change_a_result(package, name):
    assert file_of(name, PACKAGE), "renamed?"
    (package / "top.py").write_text(f"import {name}")
    before = code_digest("memorization.top")
    file_of(name, package).write_text("A = 1")
    assert code_digest("memorization.top") == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("top.py", MODULE.replace("+ x", "- x")),
        ("top.py", MODULE.replace("size: int", "size: float")),
        ("deep/low.py", "LOW = 2"),
        ("deep/__init__.py", "from memorization.deep.low import LOW\nLOW += 1"),
        ("__init__.py", "import os"),
    ],
)
def test_what_runs_has(package, file, text):
    before = code_digest("memorization.top")
    (package / file).write_text(text)
    assert code_digest("memorization.top") != before


def test_nothing_else_has(package):
    before = code_digest("memorization.top")
    (package / "deep" / "other.py").write_text("OTHER = 2")
    assert code_digest("memorization.top") == before
    shutil.rmtree(package / "deep")
    with pytest.raises(ValueError, match="deep"):
        code_digest("memorization.top")


def test_the_digest_is_of_files_by_their_place():
    assert Path(sources.__file__).parent == PACKAGE
    assert code_digest("memorization.protocol") != code_digest("memorization.randomness")
