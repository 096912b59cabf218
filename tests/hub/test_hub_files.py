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
from hub.small_hub import CONTENT, LABELS, MODEL, fails
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    scan_cache_dir,
    try_to_load_from_cache,
)
from standin import Fault, Hub, connect

from memorization.suite.hub import Repository, download, files, read_ranges, stream

SHARD = "data/duped.70m-00000-of-00002-0123abc.parquet"
BYTES = "*/raw/*"  # where the stand-in's second host has a file's bytes
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def ranges(hub: Hub) -> list[str | None]:
    """Return the ranges asked of the host that has the bytes."""
    return [request.range for request in hub.requests if "/raw/" in request.path]


def held(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestTheCache:
    @pytest.mark.parametrize("filename", [SHARD, "README.md", "data/odd name+%.parquet"])
    def test_is_read_by_the_hubs_client(
        self, hub: Hub, labels: Repository, filename: str, cache: Path
    ) -> None:
        path = download(labels, filename)
        assert (
            path.read_bytes() == hub.repositories.revision(LABELS, "main").files[filename].content
        )
        where = {"repo_type": "dataset", "revision": labels.commit}
        assert try_to_load_from_cache(labels.name, filename, **where) == str(path)
        hub.stop()
        assert hf_hub_download(labels.name, filename, **where) == str(path)
        [found] = scan_cache_dir(cache).repos
        assert {file.file_name for revision in found.revisions for file in revision.files} == {
            path.name
        }
        assert not list(cache.rglob("*.incomplete"))

    def test_of_the_hubs_client_is_not_fetched_again(self, hub: Hub, labels: Repository) -> None:
        theirs = hf_hub_download(labels.name, SHARD, repo_type="dataset", revision=labels.commit)
        n = len(ranges(hub))
        assert download(labels, SHARD) == Path(theirs)
        assert len(ranges(hub)) == n

    def test_holds_a_file_of_two_commits_once(self, hub: Hub) -> None:
        for step in ("step0", "step1"):
            download(Repository("model", MODEL, hub.commit(MODEL, step)), "model.safetensors")
        assert len(ranges(hub)) == 1

    def test_holds_copies_where_there_are_no_links(
        self, hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS", True)
        path = download(labels, SHARD)
        assert not path.is_symlink()
        assert path.read_bytes() == CONTENT
        path.write_bytes(CONTENT[:-1])
        assert download(labels, SHARD).read_bytes() == CONTENT
        assert len(ranges(hub)) == 1

    def test_is_left_alone_by_a_folder_of_ours(
        self, hub: Hub, labels: Repository, tmp_path: Path, cache: Path
    ) -> None:
        (tmp_path / "here/data").mkdir(parents=True)
        (tmp_path / "here" / SHARD).write_bytes(CONTENT[::-1])  # which is replaced
        path = download(labels, SHARD, tmp_path / "here")
        assert path == tmp_path / "here" / SHARD
        assert path.read_bytes() == CONTENT
        assert held(tmp_path / "here") == [path]
        assert [file.parent.name for file in held(cache)] == ["trees"]
        download(labels, SHARD, tmp_path / "here")
        assert len(ranges(hub)) == 1

    def test_does_not_depend_on_what_a_copy_of_the_hub_calls_a_file(
        self, labels: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two files with the same opaque tag must not become one; the listing has the digest."""

        def tells_less(url: str, **options: object) -> object:
            told = get_hf_file_metadata(url, **options)
            return dataclasses.replace(told, size=None, etag="abc-gzip")

        monkeypatch.setattr(files, "get_hf_file_metadata", tells_less)
        for name in (SHARD, SHARD.replace("00000-of", "00001-of")):
            path = download(labels, name)
            assert path.resolve().name == hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.read_bytes() == CONTENT[1:]


class TestNames:
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
    def test_that_lead_out_of_the_folder_are_neither_read_nor_written(
        self, hub: Hub, labels: Repository, tmp_path: Path, cache: Path, name: str
    ) -> None:
        """Names come from the hub: it must not choose which file of the user is overwritten."""
        if name == "/victim":
            name = str(tmp_path / "victim")
        (tmp_path / "folder").mkdir()
        (tmp_path / "victim").write_text("mine")
        for ask in (
            lambda: download(labels, name, tmp_path / "folder"),
            lambda: download(labels, name),
            lambda: read_ranges(labels, name, np.array([0]), 1),
        ):
            with fails("is no name of a file inside of a folder", "HF_ENDPOINT"):
                ask()
        assert (tmp_path / "victim").read_text() == "mine"
        assert not hub.requests
        assert not held(tmp_path / "folder") + held(cache)

    def test_that_lead_out_of_the_folder_are_not_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = "data/duped.70m-/../../../../../victim.parquet"
        with Hub({LABELS: {"main": {"README.md": b"# Labels", name: b"evil"}}}) as hub:
            connect(monkeypatch, hub.endpoint, tmp_path / "home")
            repository = Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))
            with fails(f"'{name}' is no name of a file"):
                repository.matching("data/duped.70m-*.parquet")

    def test_that_are_missing(self, labels: Repository) -> None:
        for ask in (download, lambda *where: next(stream(*where))):
            with fails("nothing.parquet", "no such file"):
                ask(labels, "nothing.parquet")


class TestInterrupted:
    def test_breaks_are_gone_on_from(self, hub: Hub, labels: Repository) -> None:
        hub.fail(Fault("cut", BYTES, after=100_000, times=2))
        assert download(labels, SHARD).read_bytes() == CONTENT
        assert ranges(hub) == [None, "bytes=100000-299999", "bytes=200000-299999"]

    def test_the_next_run_goes_on(self, hub: Hub, labels: Repository) -> None:
        hub.fail(Fault("truncate", BYTES, after=123_456))
        with fails(SHARD, "123,456 of 300,000 bytes", "goes on from there"):
            download(labels, SHARD)
        hub.heal()
        hub.requests.clear()
        assert download(labels, SHARD).read_bytes() == CONTENT
        assert ranges(hub) == ["bytes=123456-299999"]

    @pytest.mark.parametrize("damage", [b"damaged", CONTENT + b"more"])
    def test_a_damaged_first_part_is_thrown_away(
        self, labels: Repository, tmp_path: Path, damage: bytes
    ) -> None:
        partial = tmp_path / f"{SHARD}.{DIGEST[:8]}.incomplete"
        partial.parent.mkdir()
        partial.write_bytes(damage)
        assert download(labels, SHARD, tmp_path).read_bytes() == CONTENT

    def test_by_a_host_that_knows_no_ranges(self, hub: Hub, labels: Repository) -> None:
        hub.fail(Fault("cut", BYTES, after=1000, times=1), Fault("whole", BYTES))
        assert download(labels, SHARD).read_bytes() == CONTENT

    def test_for_ever_by_such_a_host(self, hub: Hub, labels: Repository) -> None:
        """Only bytes that were not here before are progress."""
        hub.fail(Fault("whole", BYTES), Fault("cut", BYTES, after=1000))
        with fails(SHARD, "1,000 of 300,000 bytes"):
            download(labels, SHARD)

    def test_an_expired_link_is_renewed(self, hub: Hub, labels: Repository) -> None:
        hub.fail(Fault("cut", BYTES, after=1000, times=1), Fault("expired", BYTES, times=2))
        assert download(labels, SHARD).read_bytes() == CONTENT
        hub.fail(Fault("expired", "*/raw/*"))
        with fails("00001-of", "signed link"):
            download(labels, SHARD.replace("00000-of", "00001-of"))


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (Fault("corrupt", BYTES), ("not what the hub announced", "not kept")),
            (Fault("short", BYTES, after=1000), ("300,000", "1,000")),
            (Fault("commit", "*/resolve/*"), ("answers with 0123456789",)),
            (Fault("status", "*/resolve/*", status=503), (SHARD, "error 503")),
            (Fault("status", BYTES, status=503), (SHARD, "error 503")),
            (Fault("silent", "*/resolve/*"), (SHARD, "does not answer")),
            (Fault("silent", BYTES), (SHARD, "does not answer")),
        ],
    )
    def test_that_last(
        self, hub: Hub, labels: Repository, cache: Path, fault: Fault, words: tuple[str, ...]
    ) -> None:
        hub.fail(fault)
        with fails(*words):
            download(labels, SHARD)
        assert not list(cache.rglob("*.parquet"))
        assert DIGEST not in {path.name for path in held(cache)}

    def test_in_a_small_file(self, hub: Hub, labels: Repository) -> None:
        hub.fail(Fault("corrupt", "*/README.md"))
        with fails("README.md", "not what the hub announced"):
            download(labels, "README.md")

    def test_in_an_endless_body(
        self, labels: Repository, monkeypatch: pytest.MonkeyPatch, cache: Path
    ) -> None:
        """It must not fill the disk: it is read as far as was announced."""
        sizes = {name: file._replace(size=1000) for name, file in labels.files.items()}
        monkeypatch.setitem(labels.__dict__, "files", sizes)
        with fails(SHARD, "does not answer as a hub does"):
            download(labels, SHARD)
        assert sum(path.stat().st_size for path in held(cache) if SHARD[5:9] in path.name) <= 1000

    @pytest.mark.parametrize("match", ["*/resolve/*", BYTES])
    def test_that_pass(self, hub: Hub, labels: Repository, match: str) -> None:
        hub.fail(
            Fault("status", match, status=500, times=1),
            Fault("status", match, status=429, times=1, headers={"Retry-After": "1"}),
        )
        assert download(labels, SHARD).read_bytes() == CONTENT

    def test_a_wait_that_the_hub_asks_for_is_said(
        self, hub: Hub, labels: Repository, capsys: pytest.CaptureFixture[str]
    ) -> None:
        spent = {
            "RateLimit": '"resolvers";r=0;t=1',
            "RateLimit-Policy": '"fixed window";q=3000;w=300',
        }
        hub.fail(Fault("status", "*/resolve/*", status=429, times=1, headers=spent))
        download(labels, SHARD)
        assert capsys.readouterr().err == "the hub asks to wait 2 s (rate limit)\n"


def test_the_token_is_not_sent_to_the_host_of_the_bytes(
    hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    download(labels, SHARD)  # which would refuse it
    assert {("/raw/" in r.path, r.authorized) for r in hub.requests} == {
        (False, True),
        (True, False),
    }


def test_large_files_show_their_progress(
    labels: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(files, "LARGE", 100_000)
    download(labels, SHARD)
    assert f"{SHARD.removeprefix('data/')}: 100 %" in capsys.readouterr().out
    background = threading.Thread(target=download, args=(labels, SHARD, tmp_path))
    background.start()
    background.join()
    assert (tmp_path / SHARD).read_bytes() == CONTENT
    assert capsys.readouterr().out == ""


def test_two_at_once_do_not_get_into_each_others_way(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("slow", BYTES, rate=1e6))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: download(labels, SHARD), range(4)))
    assert [path.read_bytes() for path in paths] == [CONTENT]
    assert len(ranges(hub)) == 1


class TestDisk:
    def test_a_full_one_is_foreseen(
        self, hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch, cache: Path
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1000))
            with fails(
                str(cache), "disk full", "300,000 bytes needed, 1,000 bytes free", "HF_HOME"
            ):
                download(labels, SHARD)
        assert not ranges(hub)
        assert download(labels, SHARD).read_bytes() == CONTENT

    def test_a_full_one_is_met(self, labels: Repository, tmp_path: Path) -> None:
        partial = tmp_path / f"{SHARD}.{DIGEST[:8]}.incomplete"
        partial.parent.mkdir()
        partial.symlink_to("/dev/full")
        with fails(str(tmp_path), "disk full", "run the same command again"):
            download(labels, SHARD, tmp_path)
        assert not (tmp_path / SHARD).exists()
        partial.unlink()
        assert download(labels, SHARD, tmp_path).read_bytes() == CONTENT

    def test_a_cache_that_is_no_folder(
        self, labels: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(b"a file")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file"))
        with fails(str(tmp_path / "file"), "cannot be written", "HF_HOME"):
            download(labels, SHARD)
