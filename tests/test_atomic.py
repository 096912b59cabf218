import pytest

from memorization.files import replacing


def test_an_interrupted_file_leaves_what_was_there(tmp_path):
    def interrupted():
        with replacing(tmp_path / "a") as partial:
            partial.write_text("ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").write_text("first")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "first"


def test_what_a_link_leads_to_stays(tmp_path):
    """As DVC leaves an output: a symbolic or a hard link to its cache, read-only."""
    cached = tmp_path / "cached"
    cached.write_text("first")
    cached.chmod(0o444)
    (tmp_path / "soft").symlink_to(cached)
    (tmp_path / "hard").hardlink_to(cached)
    for name in ("soft", "hard"):
        with replacing(tmp_path / name) as partial:
            partial.write_text("second")
        assert (tmp_path / name).read_text() == "second"
        assert not (tmp_path / name).is_symlink()
    assert cached.read_text() == "first"


def test_what_a_killed_run_was_writing_is_written_over(tmp_path):
    (tmp_path / "a.partial").write_text("ha")
    with replacing(tmp_path / "folder" / ".." / "a") as partial:
        partial.write_text("whole")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "folder"]


@pytest.mark.parametrize("write", ["write_metrics", "write_json", "forest"])
def test_metrics_and_models_are_whole_or_not_there(tmp_path, monkeypatch, write):
    """The disk fills up in the middle: half a file would be taken for a result."""
    import numpy as np

    from memorization import files
    from memorization.files import write_metrics
    from memorization.intensities.covariates import Groups
    from memorization.when.models.forest import Forest, Trees

    path, one = tmp_path / "a", np.zeros(3)
    writers = {
        "write_metrics": lambda: write_metrics({"a": 1.0}, path),
        "write_json": lambda: files.write_json({"a": 1.0}, path),
        "forest": lambda: Forest(Groups((), one), Trees(*[one] * 6), one).save(path),
    }
    writers[write]()
    whole = path.read_bytes()

    def full(file, content, *_, **__):
        with file.open("wb") as out:
            out.write(b"ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        writers[write]()
    monkeypatch.undo()
    assert path.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
