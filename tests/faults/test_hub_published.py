"""Published data that are not what they should be: refused before anything is made of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
import yaml
import zstandard
from labels.remote import wait_for_fetches
from standin import Fault, Hub, connect
from standin.models import checkpoint_files
from standin.tables import evals_table, megatron_files, megatron_index, parquet_shards
from suite.pythia.miniature import (
    DUPLICATES,
    EVALS,
    FREQUENCIES,
    MODEL,
    PRESHUFFLED,
    RAW,
    SAMPLE,
    SHAPES,
    VOCABULARY,
    WINDOW,
    Published,
    make_published,
    sample_files,
)

from memorization.errors import UserError
from memorization.labels.checkpoints import RemoteModels
from memorization.params import Params
from memorization.suite.hub import resolve
from memorization.suite.pythia.checkpoints import download_checkpoint, load_published
from memorization.suite.pythia.make import make_suite
from memorization.suite.pythia.sequences import read_sequences
from memorization.suite.pythia.suite import PythiaSuite
from memorization.suite.read import read_suite

SUITE = Path("suite")
Change = Callable[[Published], None]


@pytest.fixture(scope="module")
def once() -> Published:
    return make_published()


@pytest.fixture
def published(once: Published) -> Published:
    """What was published; a test changes the repositories."""
    copied = {
        name: {r: dict(f) for r, f in each.items()} for name, each in once.repositories.items()
    }
    return replace(once, repositories=copied)


@pytest.fixture
def serve(
    published: Published, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[], Hub]]:
    running: list[Hub] = []

    def start() -> Hub:
        running.append(Hub(published.repositories).start())
        connect(monkeypatch, running[-1].endpoint, tmp_path / "home")
        return running[-1]

    monkeypatch.chdir(tmp_path)
    yield start
    wait_for_fetches()
    for hub in running:
        hub.stop()


def parameters(published: Published, target: str = "410m", **pythia: object) -> Params:
    raw = yaml.safe_load((Path(__file__).parents[1] / "pipeline/params.yaml").read_text())
    Path("facts.json").write_text(json.dumps(asdict(published.facts)))
    changed = {"facts": "facts.json", "corpus_tokens": 4000} | pythia
    return Params.model_validate(raw | {"target": target, "pythia": raw["pythia"] | changed})


def labels_of(published: Published, split: str, index: np.ndarray, tokens: np.ndarray) -> None:
    """Publish other labels, as many rows as there were."""
    files = published.files(EVALS)
    for name in [name for name in files if name.startswith(f"data/{split}-")]:
        del files[name]
    files |= parquet_shards(split, evals_table(index, tokens, 2), 2)


def off_by_one(published: Published) -> None:
    index = published.memorized["duped.410m"]
    index = index[index < 599]
    rows = np.roll(published.rows, 1, axis=0)[:, :64]  # each index has the text of the one before
    published.facts.rows["duped.410m"] = len(index) + 2
    labels_of(published, "duped.410m", index + 1, rows)


def another_token(published: Published) -> None:
    rows = published.rows[:, :64].copy()
    rows[:, 40] ^= 1
    labels_of(published, "duped.160m", published.memorized["duped.160m"], rows)


def other_labels(published: Published) -> None:
    index = np.setdiff1d(np.arange(600), published.memorized["duped.410m"])
    published.facts.rows["duped.410m"] = len(index) + 2
    labels_of(published, "duped.410m", index, published.rows[:, :64])


def percents(published: Published) -> None:
    scores = {model.upper(): np.full(201, 100.0) for model in SHAPES}
    index = np.append(published.sampled, published.sampled[:1])
    published.repositories[SAMPLE]["main"] = sample_files(index, published.rows, scores)


def an_empty_evaluation(published: Published) -> None:
    del published.facts.rows["duped.410m.50"]  # as of some of the real ones
    labels_of(published, "duped.410m.50", np.empty(0, np.int64), published.rows[:, :64])


def frequencies(*splits: str, repeated: bool = False, offset: int = 0) -> Change:
    def change(published: Published) -> None:
        token = np.arange(300)
        table = pa.table({"TokenID": token, "Frequency": token + offset})
        table = pa.concat_tables([table, table]) if repeated else table
        files = {n: f for split in splits for n, f in parquet_shards(split, table, 2).items()}
        published.repositories[FREQUENCIES]["main"] = files

    return change


def duplicates(index: np.ndarray) -> Change:
    def change(published: Published) -> None:
        table = pa.table({"sequence_id": index, "counts": np.ones(len(index), np.int64)})
        published.repositories[DUPLICATES]["main"] = parquet_shards("duped", table, 1)

    return change


def a_missing_shard(published: Published) -> None:
    files = published.files(DUPLICATES)
    del files[next(name for name in files if "00001-of" in name)]


def rolled(published: Published) -> None:
    files = megatron_files(np.roll(published.rows, 1, axis=0), 3)
    published.repositories[PRESHUFFLED]["main"] = files


COUNTS, ROWS = {"published_counts": True}, {"corpus": "preshuffled"}


# How what was published changes, the params of Pythia, and what is said of it.
UNFIT = [
    (off_by_one, {}, r"index \d+ has other tokens in the labels of 410m than in the sample, "),
    (another_token, {}, r"index \d+ has other tokens in the labels of .*160m"),
    (other_labels, {}, r"memorized by 410m, both do of only .*: pin other commits"),
    (percents, {}, "100.0 in '70M'; all must be 0 to 1; pin another commit"),
    (an_empty_evaluation, {}, r"split duped.410m.50 has 0 sequences, but the earlier duped"),
    (frequencies("memorized", offset=1), COUNTS, "no file matches 'data/non_memorized-"),
    (frequencies("non_memorized", offset=1), COUNTS, "no file matches 'data/memorized-"),
    (
        frequencies("memorized", "non_memorized", repeated=True),
        COUNTS,
        "data/memorized-.*a token has several; pin another commit",
    ),
    (duplicates(np.append(np.arange(600), 5)), COUNTS, "there are 601 rows, but each must"),
    (duplicates(np.append(np.arange(599), 5)), COUNTS, "1 of 600 sequences have no count"),
    (a_missing_shard, COUNTS, r"shards \[0\] of 'data/duped'"),
    (rolled, ROWS, r"row \d+ does not begin with the sequence of its index"),
]


@pytest.mark.parametrize(("change", "pythia", "message"), UNFIT)
def test_a_suite_is_not_made_of_what_does_not_fit_together(
    serve: Callable[[], Hub], published: Published, change: Change, pythia: dict, message: str
) -> None:
    published = replace(published, facts=replace(published.facts, rows=dict(published.facts.rows)))
    change(published)
    serve()
    with pytest.raises(UserError, match=message):
        make_suite(parameters(published, **pythia), SUITE)
    assert not SUITE.exists()


def test_a_third_split_of_counts_is_not_added(
    serve: Callable[[], Hub], published: Published
) -> None:
    frequencies("memorized", "non_memorized", "all")(published)
    serve()
    make_suite(parameters(published, "70m", **COUNTS), SUITE)
    suite = read_suite(SUITE)
    assert isinstance(suite, PythiaSuite)
    counts = suite.published_token_counts()
    np.testing.assert_array_equal(counts, 2 * np.arange(len(counts)))


def lists(values: list, kind: pa.DataType) -> pa.Array:
    return pa.array([values, values], pa.list_(kind))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (lists([*range(63), None], pa.int64()), "a row without a whole number in 't'"),
        (lists([*range(63), 0.5], pa.float64()), "a row without a whole number in 't'"),
        (lists([*range(64)], pa.float64()), "a row without a whole number in 't'"),
        (lists(["1"] * 64, pa.string()), "a row without a whole number in 't'"),
        (lists([*range(63), 65_536], pa.int64()), "65536 in 't'; all must be 0 to 65535"),
        (
            pa.FixedSizeListArray.from_arrays(pa.array([None, *range(127)], pa.int64()), 64),
            "a row without a whole number in 't'",
        ),
    ],
)
def test_a_token_is_a_whole_number(tmp_path: Path, tokens: pa.Array, message: str) -> None:
    parquet.write_table(pa.table({"i": [0, 1], "t": tokens}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=f"a.parquet: {message}"):
        read_sequences([tmp_path / "a.parquet"], ("i", "t"), 40)


@pytest.mark.parametrize("score", [["1", "1"], [2.0, 0.5], [-0.1, 0.5], [float("inf"), 1.0]])
def test_a_score_is_a_share(tmp_path: Path, score: list) -> None:
    columns = {"i": [0, 1], "t": lists([*range(64)], pa.int64()), "s": score}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"'s'.*; pin another commit"):
        read_sequences([tmp_path / "a.parquet"], ("i", "t"), 40, ["s"])


def shifted(published: Published) -> None:
    files = published.files(PRESHUFFLED)
    first = "document-00000-of-00002.bin"
    files[first] = files[first][-2:] + files[first][:-2]  # one token further; the header is right


def two_lengths(published: Published) -> None:
    rows, index = published.rows.ravel(), megatron_index(600, WINDOW)
    lengths = np.full(600, WINDOW, "<i4")
    lengths[[10, 590]] += [1, -1]
    places = 2 * (np.cumsum(lengths) - lengths).astype("<i8")
    files = published.files(PRESHUFFLED)
    files["document.idx"] = (
        index[:34] + lengths.tobytes() + places.tobytes() + index[34 + 12 * 600 :]
    )
    moved = np.insert(np.delete(rows, 590 * WINDOW), 10 * WINDOW, 1)  # as it says
    files |= {n: f for n, f in megatron_files(moved.reshape(600, WINDOW), 3).items() if "bin" in n}


@pytest.mark.parametrize("change", [rolled, shifted, two_lengths])
def test_whole_rows_begin_with_their_sequences(
    serve: Callable[[], Hub], published: Published, change: Change
) -> None:
    change(published)
    serve()
    make_suite(parameters(published, "70m", context=True), SUITE)
    with pytest.raises(UserError, match=r"row \d+ does not begin with the sequence of its index"):
        read_suite(SUITE).context(published.sampled)


@pytest.mark.parametrize(("size", "where"), [(None, 140), (None, -3), (-1, 140), (0, None)])
def test_kept_rows_that_were_altered_are_fetched_anew(
    serve: Callable[[], Hub],
    published: Published,
    tmp_path: Path,
    size: int | None,
    where: int | None,
) -> None:
    serve()
    make_suite(parameters(published, "70m", context=True), SUITE)
    suite, expected = read_suite(SUITE), published.rows[published.sampled]
    np.testing.assert_array_equal(suite.context(published.sampled), expected)
    [kept] = tmp_path.glob("home/memorization/rows-*.npy")
    content = bytearray(kept.read_bytes())
    if where is not None:
        content[where] ^= 1
    kept.write_bytes(content[:size])
    np.testing.assert_array_equal(suite.context(published.sampled), expected)


def test_raw_text_that_stops_early_is_not_all_of_it(
    serve: Callable[[], Hub], published: Published
) -> None:
    """Cut behind a frame it is whole for the format, but not for the listing."""
    frames = [zstandard.compress(b'{"text": "one, and so on"}\n' * 60) for _ in range(10)]
    published.repositories[RAW]["main"] = {"train/00.jsonl.zst": b"".join(frames)}
    hub = serve()
    hub.fail(Fault("short", "*/raw/*.zst", after=len(frames[0]) * 3))
    with pytest.raises(UserError, match=r"00.jsonl.zst: .* does not answer as a hub does"):
        make_suite(parameters(published, "70m", corpus="raw", corpus_tokens=10**6), SUITE)


@pytest.mark.parametrize("form", ["bin", "sharded", "sharded bin"])
def test_what_another_commit_left_is_not_loaded(
    serve: Callable[[], Hub], published: Published, tmp_path: Path, form: str
) -> None:
    """An interrupted run left weights of a form that would be preferred."""
    model, common = published.facts.model("70m"), {"tokenizer.json": b"{}"}
    stale = {name: torch.zeros_like(weight) for name, weight in published.weights.items()}
    place = tmp_path / "step100.partial"
    place.mkdir()
    for ending in ("safetensors", "sharded"):
        for name, content in checkpoint_files(SHAPES["70m"], VOCABULARY, stale, ending).items():
            (place / name).write_bytes(content)
    files = checkpoint_files(SHAPES["70m"], VOCABULARY, published.weights, form)
    published.repositories[MODEL]["step100"] = common | files
    serve()
    loaded = load_published(download_checkpoint(resolve("model", MODEL, "step100"), place), model)
    for name, value in published.weights.items():
        assert torch.equal(loaded.state_dict()[name], value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("use_parallel_residual", False, "use_parallel_residual is False"),
        ("rotary_emb_base", 500, "500"),
        ("rotary_pct", 0.5, "0.5"),
        ("layer_norm_eps", 1e-3, "layer_norm_eps is 0.001"),
        ("hidden_act", "relu", "hidden_act is relu"),
    ],
)
def test_all_checkpoints_of_a_scan_are_configured_alike(
    serve: Callable[[], Hub],
    published: Published,
    tmp_path: Path,
    key: str,
    value: object,
    words: str,
) -> None:
    right = published.files(MODEL)
    config = json.loads(right["config.json"])
    saved = {"torch_dtype": "float32", "transformers_version": "4.5", "use_cache": False}
    published.repositories[MODEL] |= {
        "step75": right | {"config.json": json.dumps(config | saved).encode()},
        "step50": right | {"config.json": json.dumps(config | {key: value}).encode()},
    }
    serve()
    model = published.facts.model("70m")
    models = RemoteModels(MODEL, model, {}, tmp_path / "work", torch.float32)
    assert [step for step, _ in models([100, 75])] == [100, 75]
    # Of another run, which goes on.
    with pytest.raises(UserError, match=f"in config.json of step50 .*{words}.* step100"):
        list(models([50]))
    shutil.rmtree(tmp_path / "work")
