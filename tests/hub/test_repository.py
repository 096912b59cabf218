"""Which commit, which files: asked of a stand-in for the hub."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub.small_hub import HASTY, LABELS, MODEL, fails
from huggingface_hub import HfApi, constants
from standin import Fault, Hub, connect

from memorization.suite.hub import PATIENCE, Repository, download, list_files, resolve


def labels(hub: Hub) -> Repository:
    return Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))


class TestResolve:
    def test_answers_with_the_commit_of_a_branch(self, hub: Hub) -> None:
        for revision in ("step3000", "odd/name", "main"):
            found = resolve("model", MODEL, revision, patience=HASTY)
            assert found == Repository("model", MODEL, hub.commit(MODEL, revision))
            assert found.commit == HfApi(hub.endpoint).model_info(MODEL, revision=revision).sha
        assert resolve("model", MODEL, patience=HASTY).commit == hub.commit(MODEL, "main")

    def test_is_one_question(self, hub: Hub) -> None:
        resolve("dataset", "EleutherAI/evals", patience=HASTY)
        assert len(hub.requests) == 1

    def test_reads_the_pinned_commit(self, hub: Hub) -> None:
        pinned = hub.commit(MODEL, "step1000")
        assert resolve("model", MODEL, pinned=pinned, patience=HASTY).commit == pinned
        assert pinned in hub.requests[-1].path

    def test_a_token_is_sent(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        resolve("dataset", "EleutherAI/evals", patience=HASTY)
        assert hub.requests[-1].authorized

    def test_another_commit_than_the_pinned_one_is_an_error(self, hub: Hub) -> None:
        hub.fail(Fault("commit", "/api/*"))
        pinned = hub.commit(MODEL)
        with fails(MODEL, pinned, "pythia.revisions"):
            resolve("model", MODEL, pinned=pinned, patience=HASTY)

    def test_a_commit_that_does_not_exist(self, hub: Hub) -> None:
        with fails(MODEL, "f" * 40, "pythia.revisions"):
            resolve("model", MODEL, pinned="f" * 40, patience=HASTY)

    def test_a_missing_revision_names_the_nearest(self, hub: Hub) -> None:
        with fails("'step2000'", "there are step1000, step3000, step1, step0, step143000, "):
            resolve("model", MODEL, "step2000", patience=HASTY)
        with fails("'mian'", "there are main, "):
            resolve("model", MODEL, "mian", patience=HASTY)

    def test_a_missing_repository(self, hub: Hub) -> None:
        with fails("EleutherAI/nothing", "404", "HF_TOKEN"):
            resolve("model", "EleutherAI/nothing", patience=HASTY)

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_closed_repository(self, hub: Hub, status: int) -> None:
        hub.fail(Fault("status", "/api/*", status=status))
        with fails(MODEL, str(status), "HF_TOKEN"):
            resolve("model", MODEL, patience=HASTY)

    def test_a_gated_repository(self, hub: Hub) -> None:
        hub.fail(Fault("status", "/api/*", status=403, headers={"X-Error-Code": "GatedRepo"}))
        with fails(MODEL, "gated", "ask for access", "HF_TOKEN"):
            resolve("model", MODEL, patience=HASTY)

    def test_a_refused_connection(self, hub: Hub) -> None:
        hub.stop()
        with fails(MODEL, hub.endpoint, "refused", "HF_ENDPOINT", "micro targets"):
            resolve("model", MODEL, patience=HASTY)

    def test_a_host_without_an_address(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        connect(monkeypatch, "http://hub.invalid", tmp_path)
        with fails("http://hub.invalid cannot be reached", "HF_ENDPOINT"):
            resolve("model", MODEL, patience=HASTY)

    def test_a_name_that_is_looked_up_for_ever(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.stop()
        never = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(10))
        with fails(MODEL, hub.endpoint, "HF_ENDPOINT"):
            resolve("model", MODEL, patience=HASTY)
        never.set()

    def test_a_host_that_never_answers(self, hub: Hub) -> None:
        hub.fail(Fault("silent"))
        with fails(MODEL, hub.endpoint, "does not answer", "HF_ENDPOINT"):
            resolve("model", MODEL, patience=HASTY)

    def test_a_host_that_is_no_hub(self, hub: Hub) -> None:
        hub.fail(Fault("status", "/api/*", status=200))
        with fails(MODEL, "does not answer as a hub does", "HF_ENDPOINT"):
            resolve("model", MODEL, patience=HASTY)

    @pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://huggingface.co"])
    def test_an_address_that_is_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str
    ) -> None:
        connect(monkeypatch, endpoint, tmp_path)
        with fails(f"HF_ENDPOINT={endpoint}", "https://"):
            resolve("model", MODEL, patience=HASTY)

    def test_a_passing_fault_passes(self, hub: Hub) -> None:
        hub.fail(Fault("status", "/api/*", status=503, times=1))
        assert resolve("model", MODEL, patience=HASTY).commit == hub.commit(MODEL)
        assert [request.status for request in hub.requests] == [503, 200]

    def test_a_lasting_fault_does_not(self, hub: Hub) -> None:
        hub.fail(Fault("status", "/api/*", status=500))
        with fails(MODEL, "error 500", "HF_ENDPOINT"):
            resolve("model", MODEL, patience=HASTY)

    def test_too_many_requests(self, hub: Hub) -> None:
        hub.fail(Fault("status", "/api/*", status=429, headers={"Retry-After": "120"}))
        with fails(MODEL, "429", "HF_TOKEN"):
            resolve("model", MODEL, patience=HASTY)
        assert len(hub.requests) == 1

    def test_never_takes_long(self) -> None:
        assert PATIENCE.question <= 10
        assert PATIENCE.question + PATIENCE.total <= 30
        assert PATIENCE.connect < PATIENCE.question
        assert PATIENCE.read < PATIENCE.total


class TestWithoutNetwork:
    @pytest.fixture(params=["stopped", "silent", "offline"])
    def cut(self, request: pytest.FixtureRequest, hub: Hub) -> Iterator[None]:
        """Fill the cache with the labels, then take the hub away."""
        repository = labels(hub)
        for name in list_files(repository, "data/duped.70m-*"):
            download(repository, name, patience=HASTY)
        with pytest.MonkeyPatch.context() as patch:
            if request.param == "stopped":
                hub.stop()
            elif request.param == "silent":
                hub.fail(Fault("silent"))
            else:
                patch.setattr(constants, "HF_HUB_OFFLINE", True)
            yield

    @pytest.mark.usefixtures("cut")
    def test_a_pinned_and_cached_commit_is_read(
        self, hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pinned = hub.commit(LABELS)
        found = resolve("dataset", "EleutherAI/evals", pinned=pinned, patience=HASTY)
        assert found == labels(hub)
        assert f"read from the cache, at the pinned commit {pinned}" in capsys.readouterr().err
        names = list_files(found, "data/duped.70m-*", patience=HASTY)
        assert len(names) == 2
        assert all(download(found, name, patience=HASTY).exists() for name in names)

    @pytest.mark.usefixtures("cut")
    def test_another_pinned_commit_is_not(self) -> None:
        with fails("EleutherAI/evals"):
            resolve("dataset", "EleutherAI/evals", pinned="f" * 40, patience=HASTY)

    @pytest.mark.usefixtures("cut")
    def test_what_is_cached_is_not_taken_for_the_newest(self, hub: Hub) -> None:
        with fails(
            "EleutherAI/evals", f"pythia.revisions: {{EleutherAI/evals: {hub.commit(LABELS)}}}"
        ):
            resolve("dataset", "EleutherAI/evals", patience=HASTY)

    @pytest.mark.usefixtures("cut")
    def test_a_file_that_is_not_cached(self, hub: Hub) -> None:
        with fails("README.md"):
            download(labels(hub), "README.md", patience=HASTY)


class TestListFiles:
    def test_lists_what_the_client_lists(self, hub: Hub) -> None:
        found = list_files(labels(hub), patience=HASTY)
        assert found == sorted(
            HfApi(hub.endpoint).list_repo_files(labels(hub).name, repo_type="dataset")
        )
        assert len(found) == 6

    def test_splits_are_not_mixed_up(self, hub: Hub) -> None:
        found = list_files(labels(hub), "data/duped.70m-*.parquet", patience=HASTY)
        assert found == [
            "data/duped.70m-00000-of-00002-0123abc.parquet",
            "data/duped.70m-00001-of-00002-0123abc.parquet",
        ]

    def test_a_missing_split_names_those_that_exist(self, hub: Hub) -> None:
        with fails(
            "'data/duped.13b-*.parquet'", "duped.12b.23000", "duped.1b.new", "duped.70m", "odd name"
        ):
            list_files(labels(hub), "data/duped.13b-*.parquet", patience=HASTY)

    def test_a_missing_shard(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with Hub({LABELS: {"main": {"data/a-00000-of-00002-ff.parquet": b""}}}) as half:
            connect(monkeypatch, half.endpoint, tmp_path)
            with fails("data/a-*", "only 1 are there", "incomplete"):
                list_files(labels(half), "data/a-*", patience=HASTY)

    def test_a_listing_is_asked_for_once(self, hub: Hub, cache: Path) -> None:
        first = list_files(labels(hub), patience=HASTY)
        asked = len(hub.requests)
        assert asked == 4  # pages of two: six files and a folder
        assert list_files(labels(hub), patience=HASTY) == first
        assert len(hub.requests) == asked
        [kept] = cache.rglob("trees/*.json")
        assert json.loads(kept.read_text())["files"].keys() == set(first)

    def test_a_damaged_listing_is_asked_for_again(self, hub: Hub, cache: Path) -> None:
        first = list_files(labels(hub), patience=HASTY)
        [kept] = cache.rglob("trees/*.json")
        for damage in ("{", "[]", '{"format_version": 2}'):
            kept.write_text(damage)
            assert list_files(labels(hub), patience=HASTY) == first

    def test_a_failing_page(self, hub: Hub) -> None:
        hub.fail(Fault("status", "*/tree/*", status=502, times=2))
        assert len(list_files(labels(hub), patience=dataclasses.replace(HASTY, total=2))) == 6
        hub.fail(Fault("silent", "*/tree/*"))
        with fails(MODEL, "does not answer"):
            list_files(Repository("model", MODEL, hub.commit(MODEL)), patience=HASTY)
