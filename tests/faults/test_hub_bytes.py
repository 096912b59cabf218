"""A hub, a network or a cache out of order: what is read is right, or said to be wrong, in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hub.small_hub import CONTENT, LABELS, MODEL, fails, small_repositories
from huggingface_hub import constants
from standin import Fault, Hub, connect

from memorization.errors import UserError
from memorization.suite.declared.declaration import read_declaration
from memorization.suite.hub import (
    Repository,
    asking,
    download,
    read_ranges,
    resolve,
    stream,
)
from memorization.suite.pythia.repositories import check_pins

SHARD = "data/duped.70m-00000-of-00002-0123abc.parquet"
OTHER = "data/duped.70m-00001-of-00002-0123abc.parquet"
BYTES, LISTING = "*/raw/*", "*/tree/*"
# Seconds that a loaded machine needs to say no.
WITHIN = 30
Act = Callable[[Repository], object]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    for name, seconds in {"CONNECT": 5, "READ": 5, "QUESTION": 5, "TOTAL": 1}.items():
        monkeypatch.setattr(asking, name, seconds)
    with Hub(small_repositories(), page=2) as running:
        connect(monkeypatch, running.endpoint, tmp_path / "home")
        yield running


@pytest.fixture
def labels(hub: Hub) -> Repository:
    return Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))


def whole(labels: Repository) -> object:
    return download(labels, SHARD)


def part(labels: Repository) -> object:
    return read_ranges(labels, SHARD, np.array([0]), 5000)


def streamed(labels: Repository) -> object:
    return list(stream(labels, SHARD))


def listed(labels: Repository) -> object:
    return labels.files


DRIPS = ("fewer than 1,000 bytes a second",)
NO_HUB = ("does not answer as a hub does", "HF_ENDPOINT")


@pytest.mark.parametrize(
    ("fault", "act", "words"),
    [
        (Fault("slow", BYTES, rate=40), whole, (*DRIPS, "the same command goes on from there")),
        (Fault("slow", BYTES, rate=40), part, DRIPS),
        (Fault("slow", LISTING, rate=40), listed, DRIPS),
        (Fault("endless", BYTES), whole, NO_HUB),
        (Fault("endless", BYTES), part, NO_HUB),
        (Fault("endless", LISTING), listed, NO_HUB),
        (Fault("corrupt", BYTES), whole, ("not what the hub announced", "not kept")),
        (Fault("corrupt", BYTES), streamed, ("not what the hub announced", "not kept")),
        (Fault("short", BYTES, after=1000), streamed, NO_HUB),
        (Fault("status", LISTING, status=200), listed, NO_HUB),
    ],
)
def test_what_never_ends_or_is_wrong_is_said(
    hub: Hub,
    labels: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    act: Act,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setattr(asking, "LONGEST", 10**6, raising=False)
    if fault.match != LISTING:
        assert labels.files
    hub.fail(fault)
    with fails(*words, within=WITHIN):
        act(labels)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= len(CONTENT) + 5000


def test_a_slow_line_is_no_drip(hub: Hub, labels: Repository) -> None:
    hub.fail(Fault("slow", BYTES, rate=2e5))
    assert download(labels, SHARD).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("following", "asked"),
    [
        ("{hub}{path}?recursive=true", 2),  # itself
        ("{hub}{path}?recursive=true&cursor=0&once=more", 2),  # the same under another name
        ("{files}{path}?recursive=true&cursor=2", 1),  # another host, which would get the token
        ("http://elsewhere.invalid{path}", 1),
    ],
)
def test_the_next_page_is_the_hubs_and_another(
    hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch, following: str, asked: int
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = f"/api/{LABELS}/tree/{labels.commit}"
    url = following.format(hub=hub.endpoint, files=hub.files_endpoint, path=path)
    hub.fail(Fault("next", LISTING, headers={"Link": f'<{url}>; rel="next"'}))
    with fails(*NO_HUB, within=WITHIN):
        labels.matching("*")
    assert len(hub.requests) == asked
    assert all(request.status == 200 for request in hub.requests)


@pytest.mark.parametrize(
    "damage", [CONTENT[:-1], CONTENT[:1000], CONTENT[::-1], CONTENT[1:] + b"x", b""]
)
@pytest.mark.parametrize(("act", "n"), [(whole, len(CONTENT)), (part, 5000)])
def test_a_damaged_copy_in_the_cache_is_not_believed(
    labels: Repository, act: Act, n: int, damage: bytes
) -> None:
    download(labels, SHARD).resolve().write_bytes(damage)
    found = act(labels)
    content = found.read_bytes() if isinstance(found, Path) else np.asarray(found).tobytes()
    assert content == CONTENT[:n]


def test_the_listing_says_which_file_it_is_not_its_name_in_the_cache(labels: Repository) -> None:
    """The other file is whole, and named after its own digest; but it is another."""
    place, other = download(labels, SHARD), download(labels, OTHER).resolve()
    place.unlink()
    place.symlink_to(other)
    assert download(labels, SHARD).read_bytes() == CONTENT


def test_an_empty_listing_is_not_kept(hub: Hub, labels: Repository, tmp_path: Path) -> None:
    kept = tmp_path / "home/hub/datasets--EleutherAI--evals/trees" / f"{labels.commit}.files.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}\n")
    assert len(labels.files) == 6


@pytest.mark.parametrize(
    "shards",
    [
        ["00000-of-00002"],
        ["00001-of-00002"],
        ["00000-of-00002-a", "00000-of-00002-b"],
        ["00000-of-00002-a", "00000-of-00002-b", "00001-of-00002"],
        ["00000-of-00002", "00001-of-00002", "00002-of-00002"],
        ["00000-of-00002", "00001-of-00002", "00000-of-00001"],
        ["00000-of-00001", "00000-of-00002", "00001-of-00002"],
    ],
)
def test_shards_are_there_once_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shards: list[str]
) -> None:
    with Hub({LABELS: {"main": {f"data/a-{shard}.parquet": b"" for shard in shards}}}) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path)
        repository = Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))
        n = int(min(shards)[9:14])
        words = f"of 'data/a' are there, but it must be 0 to {n - 1} of {n}, each once"
        with fails("shards [", words, "pin another commit", within=WITHIN):
            repository.matching("data/a-*.parquet")


OUT_OF_ORDER = [
    Fault("status", status=503),
    Fault("status", status=500),
    Fault("status", status=429, headers={"Retry-After": "300"}),
    Fault("status", status=200, headers={"Content-Type": "text/html"}),
    Fault("commit", "/api/*"),
]


@pytest.mark.parametrize("fault", OUT_OF_ORDER[:-1])
def test_what_is_pinned_and_cached_needs_no_hub_in_order(
    hub: Hub, labels: Repository, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    download(labels, SHARD)
    hub.fail(fault)
    found = resolve("dataset", labels.name, pinned=labels.commit)
    assert f"read from the cache, at the pinned commit {labels.commit}" in capsys.readouterr().err
    assert download(found, SHARD).read_bytes() == CONTENT


@pytest.mark.parametrize("fault", OUT_OF_ORDER)
def test_what_is_not_cached_needs_one(hub: Hub, labels: Repository, fault: Fault) -> None:
    hub.fail(fault)
    error: tuple[str, ...] = ("EleutherAI/evals", "HF_TOKEN" if fault.status == 429 else "")
    with fails(*error, within=WITHIN):
        resolve("dataset", labels.name, pinned=labels.commit)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_question_in_the_middle_of_long_work_is_patient(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(asking, "TOTAL", 5)
    passing = {"status": status, "times": 2, "headers": {"Retry-After": "0"}}
    hub.fail(Fault("status", "/api/*", **passing))
    found = resolve("model", MODEL, "step1000", is_quick=False)
    assert found.commit == hub.commit(MODEL, "step1000")
    assert [request.status for request in hub.requests] == [status] * 2 + [200]


def test_a_missing_checkpoint_names_those_that_are_there(hub: Hub) -> None:
    with fails("no revision 'step77'; there are", "step1000", within=WITHIN):
        resolve("model", MODEL, "step77", is_quick=False)


@pytest.mark.parametrize("revision", ["step0", "step3000"])
def test_the_advice_without_network_can_be_followed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    """Several checkpoints are cached: it names the commit of this one, in the form of its pin."""
    for step in ("step0", "step1000", "step3000"):
        download(resolve("model", MODEL, step), "config.json")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    commit = hub.commit(MODEL, revision)
    pin = f"{MODEL}@{revision}"
    with fails("unset HF_HUB_OFFLINE", f"pythia.revisions: {{{pin}: {commit}}}", within=WITHIN):
        resolve("model", MODEL, revision)
    assert resolve("model", MODEL, revision, pinned=commit).commit == commit
    if revision == "step3000":  # as a pin of it is allowed
        check_pins([pin], read_declaration())
    with pytest.raises(UserError, match="forbids") as caught:
        resolve("model", MODEL, "step1")
    assert "or pin" not in str(caught.value)


def _home_below_a_file(monkeypatch: pytest.MonkeyPatch, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.delenv("HF_TOKEN")
    connect(monkeypatch, hub.endpoint, tmp_path / "file" / "home")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "file" / "home" / "token"))


def _token(text: str) -> Callable[[pytest.MonkeyPatch, Hub, Path], None]:
    return lambda monkeypatch, *_: monkeypatch.setenv("HF_TOKEN", text)


def _endpoint(url: str) -> Callable[[pytest.MonkeyPatch, Hub, Path], None]:
    return lambda monkeypatch, _, tmp_path: connect(monkeypatch, url, tmp_path / "home")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_home_below_a_file, ("token", "HF_HOME must be a folder")),
        (_token("hf_schlüssel"), ("HF_TOKEN: holds characters that no token has", "unset it")),
        (_token("hf_\x1b"), ("HF_TOKEN: holds characters that no token has",)),
        (_endpoint("http://127.0.0.1:99999"), ("HF_ENDPOINT=http://127.0.0.1:99999", "https://")),
        (_endpoint("http://127.0.0.1:port"), ("HF_ENDPOINT=http://127.0.0.1:port", "https://")),
        (_endpoint("http://[::1"), ("HF_ENDPOINT=http://[::1", "https://")),
        (_endpoint("https://"), ("HF_ENDPOINT=https://", "must look like")),
        (_endpoint("huggingface.co"), ("HF_ENDPOINT=huggingface.co", "must look like")),
    ],
)
def test_a_wrong_environment_is_told_in_a_line(
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[[pytest.MonkeyPatch, Hub, Path], None],
    words: tuple[str, ...],
) -> None:
    change(monkeypatch, hub, tmp_path)
    with fails(*words, within=WITHIN):
        resolve("model", MODEL)


@pytest.mark.parametrize("is_cache", [True, False])
def test_a_place_that_cannot_be_written_is_named(
    labels: Repository, tmp_path: Path, is_cache: bool
) -> None:
    """The place itself, and advice that moves it: HF_HOME moves the cache, but no other folder."""
    place = tmp_path / "home" / "hub" / "datasets--EleutherAI--evals" if is_cache else tmp_path
    assert labels.files
    blocked = place / ("blobs" if is_cache else "data")
    blocked.write_text("a file")
    with pytest.raises(UserError, match=rf"^{blocked}\S*: cannot be written") as caught:
        download(labels, SHARD, None if is_cache else tmp_path)
    assert ("HF_HOME" in str(caught.value)) == is_cache
