from memorization.resume import (
    MADE_FROM,
    file_digest,
    file_sizes,
    is_made_from,
    publish,
    source_digest,
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


def test_publish_replaces_what_was_there(tmp_path):
    work = work_folder("suite", {}, tmp_path / "partial")
    (work / "new").touch()
    destination = tmp_path / "results" / "suite"
    destination.mkdir(parents=True)
    (destination / "old").touch()
    publish(work, destination, {})
    assert sorted(path.name for path in destination.iterdir()) == [MADE_FROM, "new"]
    assert not work.exists()


def test_what_was_published_is_known_by_its_inputs_and_only_when_whole(tmp_path):
    work, destination = tmp_path / "work", tmp_path / "suite"
    (work / "a").mkdir(parents=True)
    (work / "a" / "weights").write_bytes(b"1234")
    assert not is_made_from(destination, {"seed": 0})
    publish(work, destination, {"seed": 0, "steps": 2})
    assert is_made_from(destination, {"steps": 2, "seed": 0})
    assert not is_made_from(destination, {"seed": 1, "steps": 2})
    (destination / "a" / "weights").write_bytes(b"12")
    assert not is_made_from(destination, {"seed": 0, "steps": 2})


def test_sizes_of_all_or_of_some_files(tmp_path):
    for name, size in {"a": 1, "b": 2, "c/d": 3, "c/e/f": 4, "g/h": 5}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert file_sizes(tmp_path) == {"a": 1, "b": 2, "c/d": 3, "c/e/f": 4, "g/h": 5}
    assert file_sizes(tmp_path, "c", "a") == {"a": 1, "c/d": 3, "c/e/f": 4}
    assert file_sizes(tmp_path, "lost") == {}


def test_a_changed_source_has_another_digest(tmp_path):
    (tmp_path / "package").mkdir()
    module = tmp_path / "package" / "module.py"
    module.write_text("a = 1")
    before = source_digest(tmp_path / "package"), source_digest(module)
    module.write_text("a = 2")
    after = source_digest(tmp_path / "package"), source_digest(module)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_file_digest_is_the_published_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(tmp_path / "abc") == expected
