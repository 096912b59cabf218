"""What the stand-in says of Pythia: in the published layout, and true of the models it serves."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from standin import Hub, connect
from standin.models import Shape
from standin.pythia import Plan, Variant, main, make_repositories
from standin.tables import continuation_counts
from tokenizers import Tokenizer
from transformers import AutoTokenizer, GPTNeoXForCausalLM

from memorization.extraction.score import score
from memorization.suite.declared.declaration import read_declaration

PYTHIA = read_declaration()
DATASETS = {what: PYTHIA.dataset(what, "duped") for what in PYTHIA.datasets}
PLAN = Plan(
    population=480,
    sequences_per_step=4,
    checkpoints=4,
    sample=300,
    characters=300_000,
    evaluated=1,
    passages=6,
    shapes={"410m": Shape(1, 48, 4), "12b": Shape(1, 64, 4)},
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Variant]:
    folder = tmp_path_factory.mktemp("published")
    return folder, make_repositories(folder, PLAN)["duped"]


@pytest.fixture
def pythia(
    published: tuple[Path, Variant], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Hub]:
    with Hub(published[0]) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        yield hub


@pytest.fixture
def truth(published: tuple[Path, Variant]) -> Variant:
    return published[1]


def files(hub: Hub, name: str, revision: str = "main") -> dict[str, bytes]:
    found = hub.repositories.revision(name, revision)
    return {path: file.read(0, file.size) for path, file in found.files.items()}


def table(hub: Hub, name: str, split: str) -> pa.Table:
    found = files(hub, f"datasets/{name}")
    shards = [content for path, content in found.items() if path.startswith(f"data/{split}-")]
    return pa.concat_tables(parquet.read_table(io.BytesIO(shard)) for shard in shards)


def matrix(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist())


def test_the_facts_describe_it(published: tuple[Path, Variant], pythia: Hub) -> None:
    facts = read_declaration("pythia", published[0] / "facts.json")
    assert facts.steps == PLAN.steps == (30, 60, 90, 120)
    assert facts.population == facts.steps[-1] * facts.sequences_per_step == 480
    for split, rows in facts.rows.items():
        assert table(pythia, DATASETS["labels"], split).num_rows == rows
    assert set(facts.rows) == {"duped.410m", "duped.12b", "duped.12b.90"}
    assert facts.evaluated == {"12b": (90,)}
    # A split whose name begins with another's is none of them.
    assert 0 < table(pythia, DATASETS["labels"], "duped.410m.new").num_rows <= 8
    for name in (
        DATASETS["labels"],
        DATASETS["duplicates"],
        DATASETS["raw"],
        DATASETS["sample"],
        DATASETS["preshuffled"],
        DATASETS["frequencies"],
    ):
        assert f"datasets/{name}" in pythia.repositories.names()


def test_labels_are_what_the_models_generate(pythia: Hub, truth: Variant) -> None:
    assert 20 < truth.memorized["410m"][120].sum() < 400
    for model, step in (("410m", 120), ("12b", 120), ("12b", 90)):
        split = f"duped.{model}" + ("" if step == 120 else f".{step}")
        labels = table(pythia, DATASETS["labels"], split)
        assert labels.schema.names == ["index", "tokens", "__index_level_0__"]
        assert labels.schema.types == [pa.int64(), pa.list_(pa.int64()), pa.int64()]
        index = labels["index"].to_numpy()
        assert len(index) == len(np.unique(index)) + 3  # the border of two ranks
        assert (matrix(labels["tokens"]) == truth.sequences[index]).all()
        # An earlier evaluation covers what has been seen by then.
        assert (index < step * PLAN.sequences_per_step).all()
        served = GPTNeoXForCausalLM.from_pretrained(
            PYTHIA.repository_of(model, "duped", "v0"), revision=f"step{step}", dtype=torch.float32
        ).eval()
        generated = served.generate(
            torch.from_numpy(truth.sequences[:, :32].astype(np.int64)),
            attention_mask=torch.ones(len(truth.sequences), 32, dtype=torch.int64),
            do_sample=False,
            min_length=64,
            max_length=64,
            pad_token_id=0,
        )
        right = (generated[:, 32:].numpy() == truth.sequences[:, 32:]).all(1)
        right[step * PLAN.sequences_per_step :] = False
        assert np.array_equal(np.unique(index), np.flatnonzero(right))
        match_length, _ = score(served, truth.sequences, 64, end_of_text=False)
        agreement = (match_length[: step * 4] == 32) == right[: step * 4]
        assert agreement.mean() > 0.99


def test_the_sample_agrees_with_the_labels(pythia: Hub, truth: Variant) -> None:
    sample = table(pythia, DATASETS["sample"], "train")
    assert sample.schema.names == ["Index", "Tokens", "410M", "12B"]
    assert sample.schema.types[:3] == [pa.int64(), pa.list_(pa.uint16()), pa.float64()]
    index = sample["Index"].to_numpy()
    assert len(np.unique(index)) == sample.num_rows == PLAN.sample
    assert (matrix(sample["Tokens"]) == truth.sequences[index]).all()
    for model in PLAN.shapes:
        scores = sample[model.upper()].to_numpy()
        assert ((scores * 32) % 1 == 0).all()
        assert ((scores == 1) == truth.memorized[model][120][index]).all()
        assert 0 < (scores < 1).mean() < 1


def test_rows_straddle_shards(pythia: Hub, truth: Variant) -> None:
    found = files(pythia, f"datasets/{DATASETS['preshuffled']}")
    names = [f"document-0000{i}-of-00002.bin" for i in range(3)]
    assert sorted(found) == [*names, "document.idx"]
    sizes = [len(found[name]) for name in names]
    assert all(total % 4098 for total in itertools.accumulate(sizes[:-1]))
    content = b"".join(found[name] for name in names)
    rows = np.frombuffer(content, "<u2").reshape(-1, 2049)
    assert np.array_equal(rows, truth.rows)
    index = found["document.idx"]
    assert struct.unpack("<9sQBQQ", index[:34]) == (b"MMIDIDX\0\0", 1, 8, 480, 481)
    assert np.frombuffer(index, "<i4", 480, 34).tolist() == [2049] * 480
    places = np.frombuffer(index, "<i8", 480, 34 + 4 * 480)
    assert places[7] == 7 * 4098
    assert len(index) == 34 + 12 * 480 + 8 * 481


def test_counts_are_those_of_a_plain_search() -> None:
    rows = np.random.default_rng(0).integers(0, 2, (9, 70), dtype=np.uint16)
    rows[3, 20:52] = rows[1, 32:64]
    rows[4, 38:70] = rows[1, 32:64]  # the last offset, which the published counts leave out
    texts = [row.astype("u1").tobytes() for row in rows]
    plain = [
        sum(
            other[offset : offset + 32] == text[32:64]
            for other in texts
            for offset in range(70 - 32)
        )
        for text in texts
    ]
    assert continuation_counts(rows).tolist() == plain
    assert plain[1] == 2


def test_published_counts(pythia: Hub, truth: Variant) -> None:
    counts = table(pythia, DATASETS["duplicates"], "duped")
    assert counts.schema.names == ["sequence_id", "counts"]
    assert np.array_equal(counts["counts"].to_numpy(), continuation_counts(truth.rows))
    parts = [table(pythia, DATASETS["frequencies"], s) for s in ("memorized", "non_memorized")]
    assert parts[0].schema.names == ["TokenID", "Frequency"]
    total = sum(part["Frequency"].to_numpy() for part in parts)
    assert np.array_equal(total[:512], np.bincount(truth.rows.ravel(), minlength=512))


def test_checkpoints_come_in_every_form(pythia: Hub, truth: Variant) -> None:
    name = PYTHIA.repository_of("410m", "duped", "v0")
    weights = {
        step: {n for n in files(pythia, name, f"step{step}") if n.endswith((".bin", "tensors"))}
        for step in (0, *PLAN.steps)
    }
    assert {"model.safetensors"} == weights[0] == weights[30]
    assert weights[60] == {"pytorch_model.bin"}
    assert weights[90] == {f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}
    assert weights[120] == {"model.safetensors", "pytorch_model.bin"}
    for release in ("v0", "v1"):
        largest = PYTHIA.repository_of("12b", "duped", release)
        assert files(pythia, largest) == files(pythia, largest, "step120")
    text = "a licence granted hereby"
    for step in PLAN.steps:
        model, info = GPTNeoXForCausalLM.from_pretrained(
            name, revision=f"step{step}", output_loading_info=True
        )
        assert model.dtype == torch.float16
        assert not info["missing_keys"]
        assert not info["mismatched_keys"]
        for key, tensor in model.state_dict().items():
            assert torch.equal(tensor, truth.weights["410m"][step][key])
        assert model.config.rope_parameters["partial_rotary_factor"] == 0.25
        assert model.config.vocab_size == 512
    tokenizer = AutoTokenizer.from_pretrained(name, revision="step120")
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    plain = Tokenizer.from_str(files(pythia, name)["tokenizer.json"].decode())
    assert plain.token_to_id("<|endoftext|>") == 0


def test_is_the_same_again(published: tuple[Path, Variant], tmp_path: Path) -> None:
    small = replace(
        PLAN,
        population=40,
        sequences_per_step=10,
        window=65,
        characters=50_000,
        sample=10,
        passages=2,
        shapes={"410m": Shape(1, 16, 2), "12b": Shape(1, 16, 2)},
    )
    contents = []
    for run in ("first", "second"):
        make_repositories(tmp_path / run, small)
        contents.append(
            {
                path.relative_to(tmp_path / run): path.read_bytes()
                for path in (tmp_path / run).rglob("*")
                if path.is_file()
            }
        )
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), ([], 2), (["a", "--size"], 2)])
def test_the_command_makes_nothing_of_what_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == status
    assert list(tmp_path.iterdir()) == []
