import json

import pytest

from memorization.suite.hub import Repository
from memorization.suite.pythia.pieces import Pieces

SOURCE = Repository("dataset", "o/d", "0" * 40)


@pytest.fixture
def make(tmp_path):
    made = []

    def run(work="work", text="one", common=1, inputs=1, interrupt=False):
        pieces = Pieces(tmp_path / work, tmp_path / "suite", {"code": common})

        def write(*places):
            assert places == (pieces.work / "folder", pieces.work / "b")
            made.append(work)
            (pieces.work / "folder").mkdir(parents=True, exist_ok=True)
            (pieces.work / "folder" / "a").write_text(text)
            if interrupt:
                raise KeyboardInterrupt
            (pieces.work / "b").write_text(text * 2)
            return {"length": len(text)}

        return pieces.get("piece", SOURCE, write, "folder", "b", of=inputs)

    run.made = made
    return run


def test_a_piece_is_made_once(make, tmp_path):
    assert make() == {"length": 3}
    assert make(text="another") == {"length": 3}
    assert make.made == ["work"]


@pytest.mark.parametrize("change", [{"common": 2}, {"inputs": 2}])
def test_a_piece_made_from_something_else_is_made_anew(make, tmp_path, change):
    make()
    assert make(text="other", **change) == {"length": 5}
    assert (tmp_path / "work" / "folder" / "a").read_text() == "other"


def test_a_piece_that_was_interrupted_or_lost_is_made_anew(make, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(interrupt=True)
    assert make(text="other") == {"length": 5}
    (tmp_path / "work" / "b").unlink()
    make()
    assert len(make.made) == 3


def test_a_piece_of_the_finished_suite_is_taken_over(make, tmp_path):
    make("suite")
    # As DVC leaves a suite: links to its cache, which are read-only.
    cached = tmp_path / "cached"
    (tmp_path / "suite" / "b").rename(cached)
    cached.chmod(0o444)
    (tmp_path / "suite" / "b").symlink_to(cached)
    assert make("work", text="another") == {"length": 3}
    assert make.made == ["suite"]
    taken = tmp_path / "work" / "b"
    assert taken.read_text() == "oneone"
    assert not taken.is_symlink()
    assert (tmp_path / "work" / "folder" / "a").read_text() == "one"
    # And from there on it is there, whatever becomes of the suite.
    (tmp_path / "suite" / "pieces" / "piece.json").unlink()
    assert make("work", text="another") == {"length": 3}


@pytest.mark.parametrize("damaged", ["b", "folder/a"])
@pytest.mark.parametrize("where", ["suite", "work"])
def test_a_damaged_piece_is_made_anew(make, tmp_path, where, damaged):
    make(where)
    (tmp_path / where / damaged).write_text("o")
    assert make("work", text="other") == {"length": 5}
    assert (tmp_path / "work" / "b").read_text() == "otherother"
    assert (tmp_path / "work" / "folder" / "a").read_text() == "other"
    assert make.made == [where, "work"]


def test_a_piece_that_has_lost_a_file_of_its_folder_is_made_anew(make, tmp_path):
    make("suite")
    (tmp_path / "suite" / "folder" / "a").unlink()
    make("work", text="other")
    assert make.made == ["suite", "work"]


def test_a_damaged_mark_is_no_mark(make, tmp_path):
    make()
    mark = tmp_path / "work" / "pieces" / "piece.json"
    assert json.loads(mark.read_text())["result"] == {"length": 3}
    mark.write_text("{")
    make()
    assert len(make.made) == 2
