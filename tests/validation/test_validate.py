"""Labelled texts in, scores and a page out: what was put into the texts is found, and no more."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from made_up_texts import WORDS
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from typer.testing import CliRunner

from memorization.cli import app
from memorization.validation.page import warnings
from memorization.validation.read import read_labelled


def made_up(n=150, gap=" ", counting=0.8):
    """Return texts of which most memorized ones count on, and a column that says nothing.

    Words of the memorized stand apart by ``gap``.
    """
    rng = np.random.default_rng(0)
    truth = np.arange(n) % 3 == 0
    texts = []
    for case in truth:
        words = rng.choice(WORDS, 30).tolist()
        if case and rng.random() < counting:
            start = int(rng.integers(1000))
            words[8:20] = [str(start + k) for k in range(12)]
        texts.append((gap if case else " ").join(words))
    return pd.DataFrame({"text": texts, "memorized": truth, "score": rng.normal(size=n)})


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder to work in, with a tokenizer of one token a byte."""
    letters = sorted(ByteLevel.alphabet())
    vocabulary = {"<|endoftext|>": 0} | {letter: 1 + k for k, letter in enumerate(letters)}
    tokenizer = Tokenizer(BPE(vocabulary, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.save(str(tmp_path / "bytes.json"))
    monkeypatch.chdir(tmp_path)


def validate(name, *arguments):
    options = ["--tokenizer", "bytes.json", "--replicates", "40", *arguments]
    return CliRunner().invoke(app, ["validate", name, *options])


def found(name, *arguments):
    assert validate(name, "--output", "found.json", *arguments).exit_code == 0
    return json.loads(Path("found.json").read_text())


@pytest.fixture
def table():
    return made_up()


def test_numbers_that_count_on_are_found_and_noise_is_not_the_same_again(table):
    """And the page needs no network."""
    table["source"] = np.where(table["memorized"], "<b>dump</b>", "pile & co")
    table.to_parquet("a&b.parquet")
    content = found("a&b.parquet", "--report", "t.html")
    page = Path("t.html").read_text(encoding="utf-8")
    # Without a tokenizer a token is a byte, as here anyway.
    options = ["--replicates", "40", "--output", "again.json", "--report", "again.html"]
    assert CliRunner().invoke(app, ["validate", "a&b.parquet", *options]).exit_code == 0
    assert json.loads(Path("again.json").read_text()) == content
    assert Path("again.html").read_text(encoding="utf-8") == page
    assert "a&amp;b.parquet" in page
    assert "source" in page
    for word in ("<script", "src=", 'href="http', "@import", "url("):
        assert word not in page.replace('xlink:href="#', "").replace("url(#", "")
    as_it_is = content["as_it_is"]
    assert (as_it_is["n"], as_it_is["cases"]) == (150, 50)
    # Two that count over the same numbers share a run.
    assert 120 < as_it_is["clusters"] <= 150
    for model in ("ngrams", "boosting", "ngrams+boosting"):
        assert as_it_is["scores"][model]["auroc"]["low"] > 0.75
    assert as_it_is["given"]["score"]["value"] < 0.65
    assert not [one for one in as_it_is["artefacts"] if "space" in one["trait"]]


def test_every_format_gives_the_same(table):
    table.to_parquet("t.parquet")
    table.to_csv("t.csv", index=False)
    table.assign(memorized=table["memorized"].astype(int)).to_json(
        "t.jsonl", orient="records", lines=True
    )
    names = ["t.parquet", "t.csv", "t.jsonl"]
    for name in names[1:]:
        names.append(f"{name}.gz")
        Path(names[-1]).write_bytes(gzip.compress(Path(name).read_bytes()))
    read = [read_labelled(Path(name)) for name in names]
    for other in read[1:]:
        assert other.texts == read[0].texts
        assert (other.truth == read[0].truth).all()
        np.testing.assert_allclose(other.given["score"], read[0].given["score"], atol=1e-9)


def test_labels_may_be_the_numbers_that_pandas_makes_of_them(table):
    table.assign(memorized=table["memorized"].astype(float)).to_parquet("t.parquet")
    assert (read_labelled(Path("t.parquet")).truth == table["memorized"]).all()


def test_texts_of_several_lines_and_texts_that_look_like_numbers():
    """Beyond a megabyte, which is how much pyarrow parses at once."""
    texts = [f"{row}" + "\n1,line 7 of it" * 30 for row in range(4000)]
    table = pd.DataFrame({"memorized": np.arange(4000) % 2, "text": texts})
    table.to_csv("t.csv", index=False)
    read = read_labelled(Path("t.csv"))
    assert read.texts == texts
    assert (read.truth == table["memorized"]).all()
    long = pd.DataFrame({"text": ["1" * 2**22, "2020-01-01"], "memorized": [1, 0]})
    long.to_json("t.jsonl", orient="records", lines=True)
    assert read_labelled(Path("t.jsonl")).texts == long["text"].tolist()
    # The numbers that pandas gives to rows are no column of the texts.
    long.to_csv("t.csv")
    read = read_labelled(Path("t.csv"))
    assert (read.texts, read.given) == (long["text"].tolist(), {})
    pd.read_csv("t.csv").to_csv("t.csv", index=False)
    assert read_labelled(Path("t.csv")).given == {}


@pytest.mark.parametrize(
    "kept",
    [
        lambda texts: pa.array(texts, pa.string_view()),
        lambda texts: pa.array(texts).dictionary_encode(),
        lambda texts: pa.array(texts, pa.large_string()),
    ],
)
def test_columns_of_any_type(kept, table):
    texts, truth = table["text"].tolist(), table["memorized"]
    columns = {
        "text": kept(texts),
        "memorized": pa.array(truth.astype(int), pa.uint64()),
        "kind": kept(["a", "b", "c"] * 50),
        "hash": pa.array(2**60 + np.arange(150)),
    }
    parquet.write_table(pa.table(columns), "t.parquet")
    read = read_labelled(Path("t.parquet"))
    assert read.texts == texts
    assert (read.truth == truth).all()
    assert read.given["kind"].tolist() == ["a", "b", "c"] * 50
    assert read.given["hash"][-1] == float(2**60 + 149)


def test_bytes_that_are_no_text_are_read_as_such():
    texts = pa.array([b"caf\xe9", b"tea"], pa.binary()).view(pa.string())
    parquet.write_table(pa.table({"text": texts, "memorized": [1, 0]}), "t.parquet")
    assert read_labelled(Path("t.parquet")).texts == ["caf\ufffd", "tea"]


def test_a_column_that_is_there_twice(table):
    pd.concat([table, table["score"]], axis=1).to_csv("t.csv", index=False)
    result = validate("t.csv")
    assert result.exit_code == 1
    assert "t.csv: two columns 'score'; must be one" in result.output


def test_what_is_formatting_is_lost_when_white_space_is_collapsed(few_features):
    made_up(gap="  ", counting=0.3).to_parquet("t.parquet")
    content = found("t.parquet")
    assert content["as_it_is"]["scores"]["ngrams"]["auroc"]["value"] > 0.99
    assert content["plain"]["scores"]["ngrams"]["auroc"]["value"] < 0.8
    traits = [one["trait"] for one in content["as_it_is"]["artefacts"]]
    assert "two spaces in a row" in traits
    assert [text for text in warnings(content) if "(two spaces in a row" in text]
    assert [text for text in warnings(content) if "was formatting" in text]


def test_copies_are_one_cluster_and_a_random_split_gains_by_them():
    rng = np.random.default_rng(3)
    # Texts that say nothing of the label, each five times with the same one.
    texts = [" ".join(rng.choice(WORDS, 30)) for _ in range(30)]
    labels = np.repeat(np.arange(30) % 2, 5)
    table = pd.DataFrame({"text": np.repeat(texts, 5), "memorized": labels})
    table.to_csv("t.csv", index=False)
    as_it_is = found("t.csv")["as_it_is"]
    assert as_it_is["clusters"] == 30
    own = as_it_is["scores"]["ngrams"]
    assert own["auroc"]["value"] < 0.75
    assert own["random_split"]["auroc"]["value"] > 0.2


MISTAKES = {
    "no such file": (None, "t.parquet: no such file"),
    "suffix": ("t.xlsx", "t.xlsx: must end in .parquet, .jsonl, .ndjson, .csv"),
    "label": (
        lambda t: t.rename(columns={"memorized": "memorised"}),
        "must have one column 'memorized' (did you mean 'memorised'?); it has: text, memorised",
    ),
    "null": (lambda t: t.assign(text=t["text"].where(t.index != 7)), "row 7: column 'text' is"),
    "numbers": (lambda t: t.assign(text=1.5), "column 'text' is double; must be strings"),
    "two": (lambda t: t.assign(memorized=2), "row 0: memorized is 2; must be 1 or 0"),
    "half": (lambda t: t.assign(memorized=0.5), "column 'memorized' is double; must be true/false"),
    "one kind": (lambda t: t.assign(memorized=1), "in all rows; both are needed"),
    "empty": (lambda t: t.assign(text=""), "column 'text' is empty in all rows"),
    "large": (
        lambda t: t.assign(memorized=np.uint64(2**63)),
        "row 0: memorized is 9223372036854775808; must be 1 or 0",
    ),
    "few": (lambda t: t.head(12), "4 rows are memorized, in 4 clusters"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(name, table, tmp_path):
    made, message = MISTAKES[name]
    path = "t.parquet"
    if isinstance(made, str):
        path = made
        table.to_csv(path)
    elif made is not None:
        made(table).to_parquet(path)
    before = sorted(tmp_path.iterdir())
    result = validate(path, "--output", "out.json", "--report", "out.html")
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_short_texts(table):
    table["text"] = table["text"].str[30:70]
    table.to_csv("t.csv", index=False)
    content = found("t.csv")
    assert content["as_it_is"]["scores"]["ngrams+boosting"]["auroc"]["low"] > 0.7


def test_a_text_that_is_missing_in_csv_is_no_empty_text(table):
    table.assign(text=table["text"].where(table.index != 7)).to_csv("t.csv", index=False)
    result = validate("t.csv")
    assert result.exit_code == 1
    assert "t.csv: row 7: column 'text' is empty; leave such rows out" in result.output


def test_what_is_read_is_not_written_over(table):
    table.to_parquet("t.parquet")
    before = Path("t.parquet").read_bytes()
    result = validate("t.parquet", "--output", "t.parquet")
    assert result.exit_code == 1
    assert "writing it would change t.parquet" in result.output
    assert Path("t.parquet").read_bytes() == before
    Path("own.json").write_text("{}")
    result = CliRunner().invoke(
        app, ["validate", "t.parquet", "--tokenizer", "own.json", "--output", "own.json"]
    )
    assert result.exit_code == 1
    assert "writing it would change own.json" in result.output
    result = validate("t.parquet", "--output", "a.json", "--report", "./a.json")
    assert result.exit_code == 1
    assert "--output, --report, --model: two of them name one file" in result.output
    Path("model/text.npz").mkdir(parents=True)
    result = validate("t.parquet", "--model", "model")
    assert result.exit_code == 1
    assert "text.npz: a folder; name the file to write" in result.output
    assert Path("own.json").read_text() == "{}"


def test_a_damaged_file_and_a_missing_tokenizer_are_told(table, tmp_path):
    table.to_parquet("t.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-9])
    (tmp_path / "cut.jsonl").write_text('{"text": "a", "memorized": 1}\n{"text": ')
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"text,memorized\nab,1\n" * 99)[:-9])
    for name in ("cut.parquet", "cut.jsonl", "cut.csv.gz"):
        result = validate(name)
        assert result.exit_code == 1
        assert f"{name}: not readable as" in result.output
    result = CliRunner().invoke(app, ["validate", "t.parquet", "--tokenizer", "no.json"])
    assert "no.json: no such tokenizer" in result.output
