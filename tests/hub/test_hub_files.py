"""Whole files from a stand-in for the hub: resumed, checked, and cached as its client does."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hub.small_hub import CONTENT, HASTY, LABELS, MODEL, fails
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    scan_cache_dir,
    try_to_load_from_cache,
)
from standin import Fault, Hub, connect

from memorization.suite.hub import Repository, download, file_size, list_files, read_ranges

SHARD = "data/duped.70m-00000-of-00002-0123abc.parquet"
BYTES = "*/raw/*"  # where the stand-in's second host has a file's bytes


@pytest.fixture
def labels(hub: Hub) -> Repository:
    return Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))


def ranges(hub: Hub) -> list[str | None]:
    """Return the ranges asked of the host that has the bytes."""
    return [request.range for request in hub.requests if "/raw/" in request.path]


def test_sizes(hub: Hub, labels: Repository) -> None:
    assert file_size(labels, SHARD, patience=HASTY) == len(CONTENT)
    assert file_size(labels, "README.md", patience=HASTY) == 9
    download(labels, SHARD, patience=HASTY)
    hub.stop()
    assert file_size(labels, SHARD, patience=HASTY) == len(CONTENT)


@pytest.mark.parametrize("filename", [SHARD, "README.md", "data/odd name+%.parquet"])
def test_the_hubs_client_reads_what_is_cached_here(
    hub: Hub, labels: Repository, filename: str, cache: Path
) -> None:
    path = download(labels, filename, patience=HASTY)
    assert path.read_bytes() == hub.repositories.revision(LABELS, "main").files[filename].content
    where = {"repo_type": "dataset", "revision": labels.commit}
    assert try_to_load_from_cache(labels.name, filename, **where) == str(path)
    hub.stop()
    assert hf_hub_download(labels.name, filename, **where) == str(path)
    [found] = scan_cache_dir(cache).repos
    assert {file.file_name for revision in found.revisions for file in revision.files} == {
        path.name
    }
    assert not list(cache.rglob("*.incomplete"))


def test_what_the_hubs_client_has_cached_is_not_fetched_again(hub: Hub, labels: Repository) -> None:
    theirs = hf_hub_download(labels.name, SHARD, repo_type="dataset", revision=labels.commit)
    hub.stop()
    assert download(labels, SHARD, patience=HASTY) == Path(theirs)


def test_a_file_of_two_commits_is_fetched_once(hub: Hub) -> None:
    for step in ("step0", "step1"):
        download(Repository("model", MODEL, hub.commit(MODEL, step)), "model.safetensors")
    assert len(ranges(hub)) == 1


def test_without_links_it_is_a_copy(
    hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS", True)
    path = download(labels, SHARD, patience=HASTY)
    assert not path.is_symlink()
    assert path.read_bytes() == CONTENT


def test_a_folder_of_ours_leaves_the_cache_alone(
    hub: Hub, labels: Repository, tmp_path: Path, cache: Path
) -> None:
    path = download(labels, SHARD, tmp_path / "here", patience=HASTY)
    assert path == tmp_path / "here" / SHARD
    assert path.read_bytes() == CONTENT
    assert not cache.exists()
    assert [file for file in (tmp_path / "here").rglob("*") if file.is_file()] == [path]
    download(labels, SHARD, tmp_path / "here", patience=HASTY)
    assert len(ranges(hub)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "../victim",
        "data/../../victim",
        "/victim",
        "data//victim",
        "./victim",
        "",
        r"..\victim",
        "C:victim",
        "a\0b",
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_neither_read_nor_written(
    hub: Hub, labels: Repository, tmp_path: Path, cache: Path, name: str
) -> None:
    """Names come from the hub: it must not choose which file of the user is overwritten."""
    if name == "/victim":
        name = str(tmp_path / "victim")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "victim").write_text("mine")
    for ask in (
        lambda: download(labels, name, folder, patience=HASTY),
        lambda: download(labels, name, patience=HASTY),
        lambda: file_size(labels, name, patience=HASTY),
        lambda: read_ranges(labels, name, np.array([0]), 1, patience=HASTY),
    ):
        with fails("is no name of a file inside of a folder", "HF_ENDPOINT"):
            ask()
    assert (tmp_path / "victim").read_text() == "mine"
    assert not hub.requests
    assert not list(folder.iterdir())
    assert not cache.exists()


def test_a_hub_that_lists_such_a_name_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "data/duped.70m-/../../../../../victim.parquet"
    with Hub({LABELS: {"main": {"README.md": b"# Labels", name: b"evil"}}}) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        repository = Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))
        with fails(f"'{name}' is no name of a file"):
            list_files(repository, "data/duped.70m-*.parquet", patience=HASTY)


def test_another_file_in_its_place_is_replaced(
    hub: Hub, labels: Repository, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / SHARD).write_bytes(CONTENT[::-1])
    assert download(labels, SHARD, tmp_path, patience=HASTY).read_bytes() == CONTENT


def test_a_damaged_cache_is_mended(hub: Hub, labels: Repository) -> None:
    path = download(labels, SHARD, patience=HASTY)
    path.resolve().write_bytes(CONTENT[::-1])
    assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT


def test_the_token_is_not_sent_to_the_host_of_the_bytes(
    hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    download(labels, SHARD, patience=HASTY)  # which would refuse it
    assert {("/raw/" in r.path, r.authorized) for r in hub.requests} == {
        (False, True),
        (True, False),
    }


def test_breaks_are_gone_on_from(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("cut", BYTES, after=100_000, times=2))
    assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT
    assert ranges(hub) == [None, "bytes=100000-299999", "bytes=200000-299999"]


def test_the_next_run_goes_on(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("truncate", BYTES, after=123_456))
    with fails(SHARD, "123,456 of 300,000 bytes", "goes on from there"):
        download(labels, SHARD, patience=HASTY)
    hub.heal()
    hub.requests.clear()
    assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT
    assert ranges(hub) == ["bytes=123456-299999"]


def test_a_damaged_first_part_is_thrown_away(hub: Hub, labels: Repository, tmp_path: Path) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    partial = tmp_path / f"{SHARD}.{digest}.incomplete"
    partial.parent.mkdir()
    for damage in (b"damaged", CONTENT + b"more"):
        partial.write_bytes(damage)
        assert download(labels, SHARD, tmp_path, patience=HASTY).read_bytes() == CONTENT
        (tmp_path / SHARD).unlink()


def test_a_host_that_knows_no_ranges(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("cut", BYTES, after=1000, times=1), Fault("whole", BYTES))
    assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT


def test_other_bytes_than_announced(hub: Hub, labels: Repository, cache: Path) -> None:
    hub.fail(Fault("corrupt", BYTES))
    with fails(SHARD, "not what the hub announced", "removed"):
        download(labels, SHARD, patience=HASTY)
    hub.fail(Fault("corrupt", "*/README.md"))
    with fails("README.md", "not what the hub announced"):
        download(labels, "README.md", patience=HASTY)
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_fewer_bytes_than_announced(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("short", BYTES, after=1000))
    with fails(SHARD, "300,000", "1,000"):
        download(labels, SHARD, patience=HASTY)


def test_an_expired_link_is_renewed(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("cut", BYTES, after=1000, times=1), Fault("expired", BYTES, times=2))
    assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT
    hub.fail(Fault("expired", "*/raw/*"))
    with fails("00001-of", "signed link"):
        download(labels, SHARD.replace("00000-of", "00001-of"), patience=HASTY)


def test_a_missing_file(hub: Hub, labels: Repository) -> None:
    with fails("nothing.parquet", "no such file"):
        download(labels, "nothing.parquet", patience=HASTY)


def test_another_commit_than_asked_for(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("commit", "*/resolve/*"))
    with fails(labels.commit, "answers with 0123456789"):
        download(labels, SHARD, patience=HASTY)


@pytest.mark.parametrize("match", ["*/resolve/*", BYTES])
def test_passing_faults_pass(hub: Hub, labels: Repository, match: str) -> None:
    hub.fail(
        Fault("status", match, status=500, times=1),
        Fault("status", match, status=429, times=1, headers={"Retry-After": "1"}),
    )
    assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT


@pytest.mark.parametrize("match", ["*/resolve/*", BYTES])
def test_lasting_faults_do_not(hub: Hub, labels: Repository, match: str) -> None:
    hub.fail(Fault("status", match, status=503))
    with fails(SHARD, "error 503"):
        download(labels, SHARD, patience=HASTY)


@pytest.mark.parametrize("match", ["*/resolve/*", BYTES])
def test_a_host_that_stops_answering(hub: Hub, labels: Repository, match: str) -> None:
    hub.fail(Fault("silent", match))
    with fails(SHARD, "does not answer"):
        download(labels, SHARD, patience=HASTY)


def test_a_wait_that_the_hub_asks_for_is_said(
    hub: Hub, labels: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    spent = {"RateLimit": '"resolvers";r=0;t=1', "RateLimit-Policy": '"fixed window";q=3000;w=300'}
    hub.fail(Fault("status", "*/resolve/*", status=429, times=1, headers=spent))
    download(labels, SHARD, patience=HASTY)
    assert capsys.readouterr().err == "the hub asks to wait 2 s (rate limit)\n"


def test_a_copy_of_the_hub_that_tells_less(
    hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memorization.suite.hub import source

    def tells_less(url: str, **options: object) -> object:
        told = get_hf_file_metadata(url, **options)
        return dataclasses.replace(told, size=None, etag="abc-gzip")

    monkeypatch.setattr(source, "get_hf_file_metadata", tells_less)
    path = download(labels, SHARD, patience=HASTY)
    assert path.read_bytes() == CONTENT
    assert path.resolve().name == "abc-gzip"
    hub.stop()
    assert download(labels, SHARD, patience=HASTY) == path


def test_large_files_show_their_progress(
    hub: Hub,
    labels: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("memorization.suite.hub.files.LARGE", 100_000)
    monkeypatch.setattr("memorization.suite.hub.files.MB", 10_000)
    download(labels, SHARD, patience=HASTY)
    assert f"{SHARD.removeprefix('data/')}: 100 %" in capsys.readouterr().out
    background = threading.Thread(target=download, args=(labels, SHARD, tmp_path))
    background.start()
    background.join()
    assert (tmp_path / SHARD).read_bytes() == CONTENT
    assert capsys.readouterr().out == ""


def test_two_at_once_do_not_get_into_each_others_way(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("slow", BYTES, rate=1e6))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: download(labels, SHARD, patience=HASTY), range(4)))
    assert [path.read_bytes() for path in paths] == [CONTENT]
    assert len(ranges(hub)) == 1


class TestFullDisk:
    def test_is_foreseen(
        self, hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch, cache: Path
    ) -> None:
        def usage(_: Path) -> types.SimpleNamespace:
            return types.SimpleNamespace(free=1000)

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", usage)
            with fails(str(cache), "disk full", "0.00 GB needed", "HF_HOME"):
                download(labels, SHARD, patience=HASTY)
        assert not ranges(hub)
        assert download(labels, SHARD, patience=HASTY).read_bytes() == CONTENT

    def test_is_met(self, hub: Hub, labels: Repository, tmp_path: Path) -> None:
        digest = hashlib.sha256(CONTENT).hexdigest()[:8]
        partial = tmp_path / f"{SHARD}.{digest}.incomplete"
        partial.parent.mkdir()
        partial.symlink_to("/dev/full")
        with fails(str(tmp_path), "disk full", "run the same command again"):
            download(labels, SHARD, tmp_path, patience=HASTY)
        assert not (tmp_path / SHARD).exists()
        partial.unlink()
        assert download(labels, SHARD, tmp_path, patience=HASTY).read_bytes() == CONTENT

    def test_a_place_that_is_no_folder(self, hub: Hub, labels: Repository, tmp_path: Path) -> None:
        (tmp_path / "data").write_bytes(b"a file")
        with fails(str(tmp_path), "cannot be written"):
            download(labels, SHARD, tmp_path, patience=HASTY)

    def test_a_cache_that_is_no_folder(
        self, hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(b"a file")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file"))
        with fails(str(tmp_path / "file"), "cannot be written", "HF_HOME"):
            download(labels, SHARD, patience=HASTY)
