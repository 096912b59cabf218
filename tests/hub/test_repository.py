"""Which commit, which files: asked of a stand-in for the hub."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub.small_hub import MODEL, fails
from huggingface_hub import HfApi, constants
from standin import Fault, Hub, connect

from memorization.suite.hub import Repository, asking, download, resolve


def again(repository: Repository) -> Repository:
    """Return the same repository, of which nothing is in memory."""
    return Repository(repository.kind, repository.name, repository.commit)


class TestResolve:
    def test_answers_with_the_commit_of_a_branch(self, hub: Hub) -> None:
        for revision in ("step3000", "odd/name", "main"):
            found = resolve("model", MODEL, revision)
            assert found == Repository("model", MODEL, hub.commit(MODEL, revision))
            assert found.commit == HfApi(hub.endpoint).model_info(MODEL, revision=revision).sha
        assert resolve("model", MODEL).commit == hub.commit(MODEL, "main")

    def test_is_one_question_with_the_token(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        resolve("dataset", "EleutherAI/evals")
        [request] = hub.requests
        assert request.authorized

    def test_reads_the_pinned_commit(self, hub: Hub) -> None:
        pinned = hub.commit(MODEL, "step1000")
        assert resolve("model", MODEL, pinned=pinned).commit == pinned
        assert pinned in hub.requests[-1].path

    def test_another_commit_than_the_pinned_one_is_an_error(self, hub: Hub) -> None:
        hub.fail(Fault("commit", "/api/*"))
        with fails(MODEL, hub.commit(MODEL), "pythia.revisions"):
            resolve("model", MODEL, pinned=hub.commit(MODEL))

    def test_a_commit_that_does_not_exist(self, hub: Hub) -> None:
        with fails(MODEL, "f" * 40, "pythia.revisions"):
            resolve("model", MODEL, pinned="f" * 40)

    @pytest.mark.parametrize(
        ("name", "revision", "words"),
        [
            (MODEL, "step2000", ("'step2000'", "there are step3000, step1000, ")),
            (MODEL, "mian", ("'mian'", "there are main, ")),
            ("EleutherAI/nothing", None, ("EleutherAI/nothing", "404", "HF_TOKEN")),
        ],
    )
    def test_what_is_missing(
        self, hub: Hub, name: str, revision: str | None, words: tuple[str, ...]
    ) -> None:
        with fails(*words):
            resolve("model", name, revision)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (Fault("status", "/api/*", status=401), ("401", "HF_TOKEN")),
            (Fault("status", "/api/*", status=403), ("403", "HF_TOKEN")),
            (
                Fault("status", "/api/*", status=403, headers={"X-Error-Code": "GatedRepo"}),
                ("gated", "ask for access", "HF_TOKEN"),
            ),
            (Fault("silent"), ("does not answer", "HF_ENDPOINT")),
            (Fault("status", "/api/*", status=200), ("not answer as a hub does", "HF_ENDPOINT")),
            (Fault("status", "/api/*", status=500), ("error 500", "HF_ENDPOINT")),
            (
                Fault("status", "/api/*", status=429, headers={"Retry-After": "120"}),
                ("429", "HF_TOKEN"),
            ),
        ],
    )
    def test_a_hub_that_fails(self, hub: Hub, fault: Fault, words: tuple[str, ...]) -> None:
        hub.fail(fault)
        with fails(MODEL, *words):
            resolve("model", MODEL)
        assert len(hub.requests) <= 2

    def test_a_passing_fault_passes(self, hub: Hub) -> None:
        hub.fail(Fault("status", "/api/*", status=503, times=1))
        assert resolve("model", MODEL).commit == hub.commit(MODEL)
        assert [request.status for request in hub.requests] == [503, 200]

    def test_a_refused_connection(self, hub: Hub) -> None:
        hub.stop()
        with fails(MODEL, hub.endpoint, "refused", "HF_ENDPOINT", "micro targets"):
            resolve("model", MODEL)

    @pytest.mark.parametrize(
        ("endpoint", "words"),
        [
            ("http://hub.invalid", ("http://hub.invalid cannot be reached", "HF_ENDPOINT")),
            ("huggingface.co", ("HF_ENDPOINT=huggingface.co", "https://")),
            ("ftp://huggingface.co", ("HF_ENDPOINT=ftp://huggingface.co", "https://")),
        ],
    )
    def test_an_address_that_is_none(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        endpoint: str,
        words: tuple[str, ...],
    ) -> None:
        connect(monkeypatch, endpoint, tmp_path)
        with fails(*words):
            resolve("model", MODEL)

    def test_a_name_that_is_looked_up_for_ever(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.stop()
        never = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(10))
        with fails(MODEL, hub.endpoint, "HF_ENDPOINT"):
            resolve("model", MODEL)
        never.set()


def test_never_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert asking.QUESTION <= 10
    assert asking.QUESTION + asking.TOTAL <= 30
    assert asking.CONNECT < asking.QUESTION
    assert asking.READ < asking.TOTAL


class TestWithoutNetwork:
    @pytest.fixture(params=["stopped", "silent", "offline"], autouse=True)
    def _cut(self, request: pytest.FixtureRequest, hub: Hub, labels: Repository) -> Iterator[None]:
        """Fill the cache with the labels, then take the hub away."""
        resolve("dataset", labels.name)
        for name in labels.matching("data/duped.70m-*"):
            download(labels, name)
        with pytest.MonkeyPatch.context() as patch:
            if request.param == "stopped":
                hub.stop()
            elif request.param == "silent":
                hub.fail(Fault("silent"))
            else:
                patch.setattr(constants, "HF_HUB_OFFLINE", True)
            yield

    def test_a_pinned_and_cached_commit_is_read(
        self, labels: Repository, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = resolve("dataset", "EleutherAI/evals", pinned=labels.commit)
        assert found == labels
        said = f"read from the cache, at the pinned commit {labels.commit}"
        assert said in capsys.readouterr().err
        names = found.matching("data/duped.70m-*")
        assert len(names) == 2
        assert all(download(found, name).exists() for name in names)

    def test_another_pinned_commit_is_not(self) -> None:
        with fails("EleutherAI/evals"):
            resolve("dataset", "EleutherAI/evals", pinned="f" * 40)

    def test_what_is_cached_is_not_taken_for_the_newest(self, labels: Repository) -> None:
        with fails("EleutherAI/evals", f"pythia.revisions: {{EleutherAI/evals: {labels.commit}}}"):
            resolve("dataset", "EleutherAI/evals")

    def test_a_file_that_is_not_cached(self, labels: Repository) -> None:
        with fails("README.md"):
            download(labels, "README.md")


class TestListing:
    def test_lists_what_the_client_lists(self, hub: Hub, labels: Repository) -> None:
        theirs = HfApi(hub.endpoint).list_repo_files(labels.name, repo_type="dataset")
        assert labels.matching("*") == sorted(theirs)
        assert len(theirs) == 6

    def test_splits_are_not_mixed_up(self, labels: Repository) -> None:
        assert labels.matching("data/duped.70m-*.parquet") == [
            "data/duped.70m-00000-of-00002-0123abc.parquet",
            "data/duped.70m-00001-of-00002-0123abc.parquet",
        ]

    def test_a_missing_split_names_those_that_exist(self, labels: Repository) -> None:
        with fails(
            "'data/duped.13b-*.parquet'", "duped.12b.23000", "duped.1b.new", "duped.70m", "odd name"
        ):
            labels.matching("data/duped.13b-*.parquet")

    def test_is_asked_for_once(self, hub: Hub, labels: Repository, cache: Path) -> None:
        first = labels.files
        asked = len(hub.requests)
        assert asked == 4  # pages of two: six files and a folder
        assert again(labels).files == first
        assert len(hub.requests) == asked
        [kept] = cache.rglob("trees/*.json")
        assert json.loads(kept.read_text()).keys() == set(first)

    def test_if_damaged_is_asked_for_again(self, labels: Repository, cache: Path) -> None:
        first = labels.files
        [kept] = cache.rglob("trees/*.json")
        for damage in ("{", "[]", '{"a": 2}'):
            kept.write_text(damage)
            assert again(labels).files == first

    def test_a_failing_page(
        self, hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.fail(Fault("status", "*/tree/*", status=502, times=2))
        with monkeypatch.context() as patch:
            patch.setattr(asking, "TOTAL", 2)
            assert len(labels.files) == 6
        hub.fail(Fault("silent", "*/tree/*"))
        with fails(MODEL, "does not answer"):
            Repository("model", MODEL, hub.commit(MODEL)).matching("*")

    def test_a_page_without_entries_is_none(
        self, labels: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def ask(url: str, _: type) -> tuple[list, str]:
            asked.append(url)
            return [], url

        monkeypatch.setattr("memorization.suite.hub.repository.ask", ask)
        with fails("does not answer as a hub does"):
            labels.matching("*")
        assert len(asked) == 1
