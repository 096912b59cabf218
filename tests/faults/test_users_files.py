"""What users pass: their files are read as they are meant or refused, and never written over."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from miniature_study import POPULATION, TARGET, write_study
from typer.testing import CliRunner

from memorization.cli import app
from memorization.errors import UserError
from memorization.harness import Sample
from memorization.suite.read import read_suite

WORDS = "The quick brown fox jumps over the lazy dog. " * 9


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a study's results and a user's tables."""
    folder = tmp_path_factory.mktemp("user")
    write_study(folder / "results")
    os.mkfifo(folder / "pipe")
    index = np.arange(POPULATION)
    scores = pd.DataFrame({"index": index, "score": np.sin(index)})
    scores.to_csv(folder / "scores.csv", index=False)
    scores.to_parquet(folder / "scores.parquet")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["a", "bb", "ccc", "dd"], 40)) for _ in range(60)]
    labelled = pd.DataFrame({"text": texts, "memorized": rng.integers(0, 2, 60)})
    labelled.to_csv(folder / "labelled.csv", index=False)
    for name in ("scores", "labelled"):
        text = (folder / f"{name}.csv").read_text()
        (folder / f"{name}16.csv").write_text(text, encoding="utf-16")
        header, rest = text.split("\n", 1)
        latin = f"{header},naïve\n" + rest.replace("\n", ",é\n")
        (folder / f"{name}1.csv").write_bytes(latin.encode("latin-1"))
    (folder / "text.jsonl").write_text(json.dumps({"text": WORDS}))
    (folder / "text16.csv").write_text(f"text\n{WORDS}\n", encoding="utf-16")
    return folder


@pytest.fixture
def here(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(*arguments):
    """Return the one line that a command says and ends with."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 1, done.output
    [line] = done.output.strip().splitlines()
    assert line.startswith("error: ")
    return line


COMMANDS = {
    "evaluate": ("evaluate", "scores.parquet", "--output"),
    "sequences": ("sequences",),
    "features": ("features", "text.jsonl"),
    "validate": ("validate", "labelled.csv", "--output"),
    "report": ("validate", "labelled.csv", "--report"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("results", "a folder; name the file to write"),
        ("results/sequences.parquet", "among the results of a study"),
        ("results/suite/manifest.json", "among the results of a study"),
        ("results/metrics/labels.json", "among the results of a study"),
        ("results/new.parquet", "among the results of a study"),
        ("linked/sequences.parquet", "among the results of a study"),
        ("scores.csv/x.parquet", "cannot be written"),
        ("/proc/x.parquet", "cannot be written"),
        (f"{'x' * 300}.parquet", "cannot be written"),
        ("pipe", "no regular file"),
    ],
)
def test_no_command_writes_where_it_must_not(here, command, output, message):
    linked = here / "linked"
    linked.unlink(missing_ok=True)
    linked.symlink_to("results", target_is_directory=True)
    before = files(here)
    assert message in refused(*COMMANDS[command], output)
    assert files(here) == before


@pytest.mark.parametrize("command", ["evaluate", "features", "validate", "report"])
def test_no_command_writes_over_what_it_reads(here, command):
    own = COMMANDS[command][1]
    before = files(here)
    assert f"would change {own}" in refused(*COMMANDS[command], own)
    assert files(here) == before


def test_a_study_read_from_its_own_folder_is_not_written_over(here, monkeypatch):
    monkeypatch.chdir(here / "results")
    before = files(here)
    assert "would change" in refused("sequences", "sequences.parquet", "--suite", "suite")
    assert files(here) == before


def test_sequences_are_parquet_by_name_as_well(here):
    assert "let its name end with .parquet" in refused("sequences", "list.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "scores16.csv"), "perhaps UTF-16"),
        (("evaluate", "scores1.csv"), "not a readable CSV file"),
        (("validate", "labelled16.csv"), "perhaps UTF-16"),
        (("validate", "labelled1.csv"), "not readable as csv"),
        (("features", "text16.csv", "o.csv"), "perhaps UTF-16"),
        (("evaluate", "scores.csv", "--threshold", "nan"), "threshold nan: must be a number"),
        (("evaluate", "scores.csv", "--threshold", "inf"), "threshold inf: must be a number"),
        (("evaluate", "results"), "not a readable Parquet file"),
    ],
)
def test_a_file_or_number_of_no_use_is_one_line(here, arguments, message):
    assert message in refused(*arguments)


ANSWER = {"score": np.sin(np.arange(POPULATION))}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"Index": np.arange(POPULATION), **ANSWER}, "if 'Index' is the index, rename it"),
        ({"__index_level_0__": np.arange(POPULATION), **ANSWER}, "if '__index_level_0__' is the"),
        ({"index": np.arange(POPULATION), "score": ["x"] * POPULATION}, "`score` is of type strin"),
        ({"index": ["0"] * POPULATION, **ANSWER}, "`index` is of type string"),
        ({"index": np.arange(POPULATION) + 0.5, **ANSWER}, "`index` is of type double"),
    ],
)
def test_a_table_of_predictions_with_wrong_columns(here, columns, message):
    parquet.write_table(pa.table(columns), "own.parquet")
    assert message in refused("evaluate", "own.parquet")


BYTES = ("--tokenizer", "bytes")
SUITES = ("--tokenizer", "results/suite/tokenizer.json")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": 5}, "'text' is not a string"),
        ({"tokens": ["a"] * 64}, "'tokens' is not a list of integers"),
        ({"tokens": "1 2 3"}, "'tokens' is not a list of integers"),
        ({"tokens": [0.5] * 64}, "'tokens' is not a list of integers"),
        ({"tokens": [1] * 63 + [None]}, "a token is missing"),
        ({"tokens": [99_999] * 64}, "token 99999: the tokenizer knows"),
        ({"tokens": [-1] * 64}, "token -1: the tokenizer knows"),
        ({"tokens": [2**40] * 64}, "the tokenizer knows"),
        ({"text": WORDS, "Index": 7}, "if 'Index' is the index, rename it to index, or else leave"),
        ({"text": WORDS, "__index_level_0__": 7}, "if '__index_level_0__' is the index"),
    ],
)
def test_a_row_that_is_no_text_and_no_tokens(here, row, message):
    Path("own.jsonl").write_text(json.dumps(row))
    assert message in refused("features", "own.jsonl", "own.csv", *SUITES)
    assert not Path("own.csv").exists()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([["a", "b"]]), "must be lists of integers"),
        (pa.array([[0.5]]), "must be lists of integers"),
        (pa.nulls(3), "must be"),
    ],
)
def test_a_parquet_column_that_is_no_tokens(here, column, message):
    parquet.write_table(pa.table({"tokens": column}), "own.parquet")
    assert message in refused("features", "own.parquet", "own.csv", *SUITES)


def test_a_missing_text_has_no_features(here):
    Path("own.jsonl").write_text(json.dumps({"text": None}) + "\n" + json.dumps({"text": WORDS}))
    done = CliRunner().invoke(app, ["features", "own.jsonl", "own.csv", *BYTES])
    assert done.exit_code == 0, done.output
    assert pd.read_csv("own.csv")["repetition.sequence_period"].isna().tolist()[0]


@pytest.fixture(scope="module")
def models(made):
    """Models that are no reference: without a number, or of fewer tokens."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    for name, vocabulary in (("no_numbers", 270), ("few_tokens", 50)):
        config = GPTNeoXConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
        )
        model = GPTNeoXForCausalLM(config)
        if name == "no_numbers":
            model.gpt_neox.embed_in.weight.data[200, 0] = float("nan")
        model.save_pretrained(made / name)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no_numbers", "has weights that are no numbers"),
        ("few_tokens", "the reference knows tokens 0 to 49"),
    ],
)
def test_a_reference_of_no_use(here, models, model, message):
    tiers = ("--tiers", "reference", "--reference", model)
    Path("own.jsonl").write_text(json.dumps({"tokens": list(range(200, 264))}))
    done = CliRunner().invoke(app, ["features", "own.jsonl", "own.csv", *SUITES, *tiers])
    assert isinstance(done.exception, SystemExit), done.exception
    assert message in done.output


def other_tokens(table):
    tokens = table["tokens"].combine_chunks().flatten().to_numpy().copy()
    tokens[:64] = tokens[:64][::-1]
    lists = pa.FixedSizeListArray.from_arrays(pa.array(tokens), 64)
    return table.set_column(table.column_names.index("tokens"), "tokens", lists)


def other_labels(table):
    case = ~table["case"].to_numpy()
    return table.set_column(table.column_names.index("case"), "case", pa.array(case))


def other_indices(table):
    index = table["index"].to_numpy() + POPULATION
    return table.set_column(table.column_names.index("index"), "index", pa.array(index))


@pytest.mark.parametrize("change", [other_tokens, other_labels, other_indices])
def test_a_sample_of_another_suite_is_refused(made, tmp_path, change):
    study = shutil.copytree(made / "results", tmp_path / "results")
    suite = read_suite(made / "results" / "suite")
    assert len(Sample.read(study, suite).index) == 100
    path = study / "sequences.parquet"
    table = change(parquet.read_table(path))
    parquet.write_table(table, path)
    (study / "splits.parquet").unlink()
    with pytest.raises(UserError, match="its sample is not of the suite in"):
        Sample.read(study, suite)
    some = tmp_path / "some.csv"
    pd.DataFrame({"index": np.arange(9), "score": 0.5}).to_csv(some, index=False)
    options = ("--suite", made / "results" / "suite", "--study", study, "--target", TARGET)
    assert "its sample is not of the suite" in refused("evaluate", some, *options)
    assert "its sample is not" in refused("sequences", tmp_path / "o.parquet", *options[:4])
