"""The stand-in, seen by the clients that it stands in the hub for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from hub.small_hub import CONTENT, LABELS, MODEL
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from standin import Hub, Repositories, environment, write

DATASET = {"repo_id": "EleutherAI/evals", "repo_type": "dataset"}
SHARD = "data/duped.70m-00000-of-00002-0123abc.parquet"


def test_revisions(hub: Hub) -> None:
    api = HfApi(hub.endpoint)
    refs = api.list_repo_refs(MODEL)
    assert {branch.name: branch.target_commit for branch in refs.branches}["step3000"] == (
        api.model_info(MODEL, revision="step3000").sha
    )
    assert len({branch.target_commit for branch in refs.branches}) == 7
    commit = hub.commit(LABELS)
    info = api.dataset_info("EleutherAI/evals", revision=commit)
    assert info.sha == commit
    assert {file.rfilename for file in info.siblings} >= {"README.md", SHARD}


def test_trees_by_pages(hub: Hub) -> None:
    api = HfApi(hub.endpoint)
    top = {entry.path for entry in api.list_repo_tree(**DATASET)}
    assert top == {"README.md", "data"}
    below = {entry.path: entry for entry in api.list_repo_tree(**DATASET, recursive=True)}
    assert len(below) == 7
    assert below[SHARD].size == below[SHARD].lfs.size == len(CONTENT)
    assert below["README.md"].lfs is None
    inside = api.list_repo_tree(**DATASET, path_in_repo="data")
    assert {entry.path for entry in inside} == {path for path in below if "/" in path}


def test_what_is_not_there(hub: Hub) -> None:
    api = HfApi(hub.endpoint)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("EleutherAI/nothing")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(MODEL, revision="step7")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(MODEL, "config.json", revision="step7")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(MODEL, "nothing.json")
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(**DATASET, path_in_repo="nothing"))


def test_files_and_ranges(hub: Hub, tmp_path: Path) -> None:
    folder = Path(snapshot_download(MODEL, revision="odd/name"))
    assert json.loads((folder / "config.json").read_text()) == {"step": "odd/name"}
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    with httpx2.Client(follow_redirects=True) as client:
        url = f"{hub.endpoint}/{MODEL}/resolve/main/model.safetensors"
        for asked, start, stop in (("5-9", 5, 10), ("299990-", 299_990, 300_000), ("-7", -7, None)):
            answer = client.get(url, headers={"Range": f"bytes={asked}"})
            assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
        outside = client.get(url, headers={"Range": "bytes=300000-"})
        assert outside.status_code == 416
        assert outside.headers["Content-Range"] == "bytes */300000"


def test_repositories_in_folders_are_the_same(hub: Hub, tmp_path: Path) -> None:
    files = {"a.txt": b"text", "data/b.parquet": CONTENT}
    written = {"datasets/o/d": {"main": files}, "o/m": {"main": files, "step1": files}}
    write(tmp_path, written)
    found = Repositories(tmp_path)
    assert found.names() == ["datasets/o/d", "o/m"]
    for name, revisions in written.items():
        for revision in revisions:
            kept = found.revision(name, revision)
            assert {path: file.read(0, file.size) for path, file in kept.files.items()} == files
            assert kept.commit == Repositories(written).commit(name, revision)
    assert found.commit("o/m", "main") != found.commit("o/m", "step1")


def test_from_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "hub", {"o/m": {"main": {"config.json": b"{}"}}})
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    server = subprocess.Popen(
        [sys.executable, "-m", "standin", str(tmp_path / "hub")],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        name, endpoint = server.stdout.readline().strip().split("=")
        assert name == "HF_ENDPOINT"
        script = "from huggingface_hub import hf_hub_download as d; print(d('o/m', 'config.json'))"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment(endpoint, tmp_path / "home"),
            capture_output=True,
            text=True,
            check=True,
        )
        assert Path(done.stdout.strip()).read_text() == "{}"
    finally:
        server.terminate()
        server.communicate()
