"""Texts in and tables out, in every format: the same features, and mistakes told in one line."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as parquet
import pytest

from memorization.cli import app
from memorization.features import Sources, features_of
from memorization.features.own import reading

TEXTS = [
    "the cat, the mat; " * 20,
    'a "quoted" text,\nin two lines\r\n' * 9,
    "",
    "😀 the naïve café in Zürich",
    "שלום עולם, مرحبا بالعالم " * 9,
    "{ a brace",
]
LINES = [text.replace("\r", " ").replace("\n", " ") for text in TEXTS]
OPTIONS = ("--first", "--families", "surface", "repetition")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, tokenizer):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    app(["features", *arguments, "--tokenizer", "tokenizer.json"], standalone_mode=False)


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))


def as_jsonl(texts, **more):
    rows = [
        {"text": text} | {name: own[i] for name, own in more.items()}
        for i, text in enumerate(texts)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def folder(texts):
    Path("texts/below").mkdir(parents=True)
    for i, text in enumerate(texts):
        Path(f"texts/below/{i}.txt").write_bytes(text.encode())
    Path("texts/.hidden").write_text("no text")


WAYS = {
    "in.csv": lambda: pa.csv.write_csv(pa.table({"text": TEXTS}), "in.csv"),
    "in.jsonl": lambda: Path("in.jsonl").write_text(as_jsonl(TEXTS)),
    "in.ndjson": lambda: Path("in.ndjson").write_text(
        "\ufeff" + as_jsonl(TEXTS).replace("\n", "\n\n"), encoding="utf-8"
    ),
    "in.jsonl.gz": lambda: Path("in.jsonl.gz").write_bytes(gzip.compress(as_jsonl(TEXTS).encode())),
    "in.csv.gz": lambda: (
        pa.csv.write_csv(pa.table({"text": TEXTS}), "in.csv"),
        Path("in.csv.gz").write_bytes(gzip.compress(Path("in.csv").read_bytes())),
    ),
    "in.parquet": lambda: parquet.write_table(pa.table({"text": TEXTS}), "in.parquet"),
    "-": lambda: None,
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("read", [2, 512])
def test_every_way_in_gives_the_same_features(name, read, tokenizer, monkeypatch):
    monkeypatch.setattr(reading, "READ", read)
    WAYS[name]()
    stdin(monkeypatch, as_jsonl(TEXTS).encode())
    run(name, "out.parquet", *OPTIONS)
    found = pd.read_parquet("out.parquet")
    expected = features_of(TEXTS, Sources(tokenizer), families=["surface", "repetition"])
    pd.testing.assert_frame_equal(found[expected.columns], expected)


@pytest.mark.parametrize("name", ["-", "lines.txt", "texts"])
def test_texts_without_columns(name, tokenizer, monkeypatch):
    """A text a line, though one begins with a brace; and a file a text, of which empty ones go."""
    data = "\n".join(LINES).encode() + b"\r\n"
    Path("lines.txt").write_bytes(data)
    stdin(monkeypatch, data)
    folder(TEXTS)
    run(name, "out.parquet", *OPTIONS, *(() if name == "texts" else ("--format", "lines")))
    found = pd.read_parquet("out.parquet")
    kept = [text for text in TEXTS if text] if name == "texts" else LINES
    expected = features_of(kept, Sources(tokenizer), families=["surface", "repetition"])
    pd.testing.assert_frame_equal(found[expected.columns], expected)
    if name == "texts":
        assert found["file"].tolist() == [f"below/{i}.txt" for i, text in enumerate(TEXTS) if text]


def test_the_first_byte_of_standard_input_tells_its_format(monkeypatch, tokenizer):
    for data, n in ((b"the cat\nthe mat\n{\n", 3), (b'{"text": "the cat"}\n', 1)):
        stdin(monkeypatch, data)
        run("-", "out.parquet", *OPTIONS)
        assert len(pd.read_parquet("out.parquet")) == n


def test_what_of_a_folder_is_no_text_is_told_and_skipped(capsys):
    folder(["the cat"])
    for name, data in {
        "image.png": b"\x89PNG\0\0",
        "latin.txt": "é".encode("latin-1"),
        "utf-16.txt": "the cat".encode("utf-16"),
        "empty.txt": b"",
    }.items():
        Path("texts", name).write_bytes(data)
    for i in range(12):
        Path(f"texts/z{i:02}").touch()
    run("texts", "out.csv", *OPTIONS)
    told = capsys.readouterr().err
    assert "texts/image.png: skipped, not text in UTF-8" in told
    assert "texts/latin.txt: skipped, not text in UTF-8" in told
    assert "texts/empty.txt: skipped, empty" in told
    assert "texts: 6 more files skipped" in told
    assert pd.read_csv("out.csv")["file"].tolist() == ["below/0.txt"]


def test_every_way_out_holds_the_same(capfdbinary):
    Path("in.jsonl").write_text(as_jsonl(TEXTS, kind=[*"abcde", None], x=[0.5, 1, 2, 3, 4, None]))
    for name in ("out.parquet", "out.jsonl", "out.csv", "-"):
        run("in.jsonl", name, *OPTIONS, "--carry", "kind", "x")
    expected = pd.read_parquet("out.parquet")
    standard = capfdbinary.readouterr().out
    for own in (
        pd.read_json("out.jsonl", lines=True, precise_float=True),
        pd.read_json(io.BytesIO(standard), lines=True, precise_float=True),
        pd.read_csv("out.csv", float_precision="round_trip"),
    ):
        own = own.astype({"kind": object}).replace({"kind": {np.nan: None}})
        pd.testing.assert_frame_equal(own, expected, check_dtype=False)
    assert expected["kind"].tolist() == [*"abcde", None]
    assert expected["surface.word_count"].isna().tolist() == [not text for text in TEXTS]
    assert standard.count(b"\n") == len(TEXTS)


ROW = b'{"text": "a"}\n'
LIST = b'{"tokens": [1, 2]}\n'
MISTAKES = {
    "utf-16.csv": ("text\na\n".encode("utf-16"), "utf-16.csv: has NUL bytes, so it is not text in"),
    "utf-16.jsonl": (ROW.decode().encode("utf-16"), "perhaps UTF-16); save it in UTF-8"),
    "latin.csv": ("text\nné\n".encode("latin-1"), "latin.csv: not a readable CSV file"),
    "latin.jsonl": ('{"text": "é"}'.encode("latin-1"), "latin.jsonl: line 1: not text in UTF-8"),
    "no.csv": (b"Text,id\na,1\n", "its columns are: Text, id; nearest: 'Text'"),
    "ragged.csv": (b"text,id\na,1\nb\n", "ragged.csv: not a readable CSV file (CSV parse error:"),
    "index.csv": (b"text,index\na,1\nb,x\n", "CSV conversion error to int64: invalid value 'x'"),
    "tokens.csv": (b"tokens\n1 2\n", "tokens.csv: CSV has no lists of tokens; pass JSON Lines"),
    "empty.csv": (b"text\n", "empty.csv: no texts in it"),
    "nothing.csv": (b"", "nothing.csv: no texts in it"),
    "broken.jsonl": (ROW * 5 + b'{"text": "a\n', "broken.jsonl: line 6: not JSON (Unterminated"),
    "list.jsonl": (ROW + b"[1]\n", "list.jsonl: line 2: not a JSON object"),
    "gone.jsonl": (
        ROW + b'{"txt": "a"}',
        "line 2: no 'text'; its columns are: txt; nearest: 'txt'",
    ),
    "number.jsonl": (ROW + b'{"text": 7}\n', "number.jsonl: line 2: 'text' is not a string"),
    "strings.jsonl": (LIST + b'{"tokens": ["1"]}', "line 2: 'tokens' is not a list of integers"),
    "floats.jsonl": (LIST + b'{"tokens": [1, 0.5]}', "line 2: 'tokens' is not a list of integers"),
    "true.jsonl": (LIST + b'{"tokens": [true]}', "line 2: 'tokens' is not a list of integers"),
    "text.jsonl": (LIST + b'{"tokens": "a"}', "line 2: 'tokens' is not a list of integers"),
    "null.jsonl": (LIST + b'{"tokens": [1, null]}', "line 2: a token is missing in 'tokens'"),
    "huge.jsonl": (LIST + b'{"tokens": [%d]}' % 2**70, "line 2: 'tokens' is not a list of integer"),
    "large.jsonl": (LIST + b'{"tokens": [300]}', "token 300: the tokenizer knows tokens 0 to 279"),
    "index.jsonl": (
        b'{"text": "a", "index": 1}\n{"text": "a", "index": "x"}',
        "line 1 to 2: 'index' is not of one type",
    ),
    "twice.jsonl": (b'{"text": "a", "index": 1}\n' * 2, "twice.jsonl: index 1 is there twice"),
    "empty.jsonl": (b"\n", "empty.jsonl: no texts in it"),
    "text.txt": (b"a", "text.txt: of no known format; --format parquet, jsonl, csv or lines"),
    "cut.parquet": (b"PAR1 and no more", "cut.parquet: not a readable Parquet file"),
    "short.jsonl": (ROW, "index 0: 1 tokens, fewer than 64; --short keep gives it"),
    "folder/image.png": (b"\x89PNG\0", "folder: no texts in it"),
    "bad.jsonl.gz": (b"no gzip", "bad.jsonl.gz: not a readable file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_wrong_is_said_in_one_line(name):
    data, message = MISTAKES[name]
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    Path("out.jsonl").write_text("old")
    before = sorted(Path.cwd().rglob("*"))
    short = ("--short", "error") if name == "short.jsonl" else ()
    with pytest.raises(SystemExit) as raised:
        run(name if path.parent == Path() else path.parent.name, "out.jsonl", *OPTIONS, *short)
    told = str(raised.value.code)
    assert message in told
    assert told.startswith("error: ")
    assert "\n" not in told
    assert sorted(Path.cwd().rglob("*")) == before
    assert Path("out.jsonl").read_text() == "old"


def test_odd_texts_are_texts(capsys):
    """Lone surrogates, NUL, no text at all, and text that writes a special token."""
    odd = ["\ud83d", "a\0b", None, "<|endoftext|>", "\u202eabc\u202c", "👩‍👩‍👧"]
    Path("in.jsonl").write_text(as_jsonl(odd))
    run("in.jsonl", "out.jsonl", *OPTIONS)
    found = pd.read_json("out.jsonl", lines=True)
    assert found["surface.word_count"].isna().tolist() == [text is None for text in odd]
    assert found["tokens"].tolist()[:3] == [3, 3, 0]
    assert (found["tokens"][3:] > 1).all()
    assert "1 of them empty or missing" in capsys.readouterr().err


def test_bytes_are_the_tokens_where_there_is_no_tokenizer(capsys):
    Path("in.jsonl").write_text(as_jsonl(["né"]))
    app(["features", "in.jsonl", "out.csv", *OPTIONS], standalone_mode=False)
    assert "a token is a byte (--tokenizer names another)" in capsys.readouterr().err
    assert pd.read_csv("out.csv")["tokens"].tolist() == [3]


def test_an_index_and_rows_that_are_carried_along_many_batches(monkeypatch):
    monkeypatch.setattr(reading, "READ", 3)
    index = np.arange(100)[::-1] * 5
    rows = [{"text": f"text {i}", "index": int(i), "label": bool(i % 2)} for i in index]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run("in.jsonl", "out.parquet", *OPTIONS, "--rows", "7", "--carry", "label", "text")
    found = pd.read_parquet("out.parquet")
    assert found["index"].tolist() == index.tolist()
    assert found["label"].tolist() == [row["label"] for row in rows]
    assert found["text"].tolist() == [row["text"] for row in rows]
