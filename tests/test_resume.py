import json

import pytest

from memorization.resume import (
    file_digest,
    file_digests,
    is_made_from,
    keep,
    library_versions,
    publish,
    record_of,
    work_folder,
)


def test_equal_inputs_share_a_folder_and_others_clear_it(tmp_path):
    first = work_folder("suite", {"seed": 0, "steps": 9}, tmp_path)
    (first / "half").write_text("done")
    other_stage = work_folder("labels", {"seed": 0}, tmp_path)
    assert work_folder("suite", {"steps": 9, "seed": 0}, tmp_path) == first
    assert (first / "half").read_text() == "done"
    second = work_folder("suite", {"seed": 1, "steps": 9}, tmp_path)
    assert not first.exists()
    assert second.exists()
    assert other_stage.exists()


def test_a_file_that_a_killed_run_was_writing_is_cleared(tmp_path):
    folder = work_folder("suite", {}, tmp_path)
    (folder / "micro-a" / "step3").mkdir(parents=True)
    (folder / "micro-a" / "step3" / "model.safetensors").write_text("whole")
    (folder / "micro-a" / ".tmpfYXF9g").write_text("ha")
    work_folder("suite", {}, tmp_path)
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    assert left == ["model.safetensors"]


def test_finished_work_is_taken_up_again_where_it_is_whole(tmp_path, capsys):
    folder = work_folder("labels", {}, tmp_path)
    for name in ("step1.npz", "step2.npz", "step3.npz"):
        (folder / name).write_text(name)
    keep(folder)
    (folder / "step2.npz").write_text("step9.npz")  # as long as it was
    (folder / "step3.npz").unlink()
    assert work_folder("labels", {}, tmp_path) == folder
    assert [path.name for path in folder.iterdir()] == ["step1.npz"]
    assert "step2.npz: damaged; made again" in capsys.readouterr().out
    # From here on the work is unfinished again: what is added is not compared with the record.
    (folder / "step2.npz").write_text("another")
    work_folder("labels", {}, tmp_path)
    assert (folder / "step2.npz").exists()


def test_publish_replaces_what_was_there(tmp_path):
    work = work_folder("suite", {}, tmp_path / "partial")
    (work / "new").touch()
    destination = tmp_path / "results" / "suite"
    destination.mkdir(parents=True)
    (destination / "old").touch()
    publish(work, destination, {}, ["new"])
    assert [path.name for path in destination.iterdir()] == ["new"]
    assert not work.exists()


@pytest.fixture
def published(tmp_path):
    """A folder that was made from a seed and some shapes."""
    (tmp_path / "work" / "a").mkdir(parents=True)
    (tmp_path / "work" / "a" / "weights").write_bytes(b"1234")
    publish(tmp_path / "work", tmp_path / "suite", {"seed": 0, "shapes": (1, 2)}, ["a/weights"])
    return tmp_path / "suite"


def test_what_was_published_is_known_by_its_inputs(published, capsys):
    assert is_made_from(published, {"shapes": (1, 2), "seed": 0})
    assert not is_made_from(published, {"shapes": (1, 3), "seed": 0, "new": None})
    assert "other than before: shapes" in capsys.readouterr().out
    assert not is_made_from(published.with_name("nothing"), {"seed": 0})


@pytest.mark.parametrize("damage", ["same size", "lost", "more", "record", "no record"])
def test_what_was_published_is_made_again_unless_it_is_whole(published, damage):
    if damage == "same size":
        (published / "a" / "weights").write_bytes(b"1235")
    elif damage == "lost":
        (published / "a" / "weights").unlink()
    elif damage == "more":
        (published / "b").touch()
    elif damage == "record":
        record_of(published).write_text("[{")
    else:
        record_of(published).unlink()
    assert not is_made_from(published, {"seed": 0, "shapes": (1, 2)})


@pytest.mark.parametrize(("value", "is_fresh"), [("1", True), ("0", False), ("", False)])
def test_fresh_takes_up_nothing(published, tmp_path, monkeypatch, value, is_fresh):
    folder = work_folder("suite", {}, tmp_path)
    (folder / "half").touch()
    monkeypatch.setenv("FRESH", value)
    assert is_made_from(published, {"seed": 0, "shapes": (1, 2)}) == (not is_fresh)
    assert (work_folder("suite", {}, tmp_path) / "half").exists() == (not is_fresh)


def test_the_record_lies_beside_what_was_published_and_can_be_read(published):
    assert json.loads((published.parent / "suite_made_from.json").read_text()) == {
        "inputs": {"seed": 0, "shapes": [1, 2]},
        "files": {"a/weights": file_digest(published / "a" / "weights")},
    }


def test_digests_of_all_or_of_some_files(tmp_path):
    for name in ("a", "b", "c/d", "c/e/f", "g/h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    everything = file_digests(tmp_path)
    assert list(everything) == ["a", "b", "c/d", "c/e/f", "g/h"]
    assert len(set(everything.values())) == 5
    some = file_digests(tmp_path, "c", "a")
    assert some == {name: everything[name] for name in ("a", "c/d", "c/e/f")}
    assert file_digests(tmp_path, "lost") == {}


def test_versions_of_libraries():
    import numpy as np

    assert library_versions("numpy") == {"numpy": np.__version__}


def test_file_digest_is_the_published_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(tmp_path / "abc") == expected
