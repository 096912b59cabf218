"""Features of tables of one's own, against those of the pipeline's way in."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorization.errors import UserError
from memorization.features import FAMILIES, Sources, compute_features, feature_of, features_of
from memorization.features.command.corpus import read_corpus
from memorization.features.command.line import main, read_tokenizer
from memorization.features.command.reference import load_reference
from memorization.features.command.write import write_features
from memorization.features.tokenize import Encoder, well_formed
from memorization.suite.checkpoints import save_checkpoint
from memorization.tables import FEATURES, read_table

TEXT = "the naïve café in Zürich, 😀 the cat sat on the mat; "


@pytest.fixture(scope="module")
def sources(inputs, tokenizer):
    return Sources(tokenizer, inputs.windows, inputs.reference, batch=5)


@pytest.fixture
def folder(tmp_path, monkeypatch, tokenizer):
    """An empty folder to work in, and a tokenizer next to it."""
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["features", *map(str, arguments)])
    main()


def test_three_tiers_are_those_of_the_pipeline(inputs, sources):
    found = features_of(
        inputs.tokens,
        sources,
        tiers=("text", "corpus", "reference"),
        index=inputs.index,
        corpus_row=inputs.rows,
    )
    unknown = dataclasses.replace(inputs, domain=np.full(12, None, dtype=object))
    whole = compute_features(unknown, list(FAMILIES))
    assert {feature_of(name).tier for name in found.columns[1:]} == {"text", "corpus", "reference"}
    pd.testing.assert_frame_equal(found, whole[found.columns], rtol=1e-5)
    # What only a suite knows is left out.
    left_out = [name for name in whole if name not in set(found)]
    assert "position.step" in left_out
    assert {name.partition(".")[0] for name in left_out} <= {
        *("sibling", "position", "exposure", "duplication")
    }


def test_texts_and_their_tokens_are_the_same(sources, tokenizer):
    texts = [TEXT * 3, TEXT[5:] * 9, "ab " * 40]
    ids = [tokenizer.encode(text).ids for text in texts]
    assert min(map(len, ids)) >= 64
    by_text = features_of(texts, sources)
    by_token = features_of(np.array([own[:64] for own in ids]), sources)
    pd.testing.assert_frame_equal(by_text, by_token, check_exact=True)


def test_odd_texts(sources, tokenizer):
    texts = ["😀" * 64, "\ud83d" * 64, " " * 999, "\0" * 64, "a" * 10**6, "<|endoftext|>" * 64]
    found = features_of(texts, sources, tiers=("text", "corpus", "reference"))
    assert np.isfinite(found.to_numpy()).all()
    # Text that writes end-of-text is text: no document ends.
    tokens, _ = Encoder(tokenizer).first_tokens(texts)
    assert (tokens != 0).all()


@pytest.mark.parametrize("text", ["", "a", "the cat"])
def test_short_texts(text, sources, tokenizer):
    texts = [TEXT * 3, text, TEXT * 4]
    length = len(tokenizer.encode(text).ids)
    with pytest.raises(UserError, match=rf"row 1: {length} tokens.*drop.*null"):
        features_of(texts, sources)
    dropped = features_of(texts, sources, short="drop")
    assert dropped["index"].tolist() == [0, 2]
    kept = features_of(texts, sources, short="null")
    assert kept["index"].tolist() == [0, 1, 2]
    assert kept.loc[1].drop("index").isna().all()
    pd.testing.assert_frame_equal(kept.loc[[0, 2]].reset_index(drop=True), dropped)
    # None that is long enough: the same columns.
    nothing = features_of([text], sources, short="drop")
    assert list(nothing) == list(dropped)
    assert len(nothing) == 0
    assert features_of([text], sources, short="null")["index"].tolist() == [0]


@given(st.lists(st.text(st.characters(), max_size=300), max_size=4))
def test_any_text_becomes_tokens_that_decode_to_it(tokenizer, texts):
    tokens, length = Encoder(tokenizer).first_tokens(texts)
    for text, own, size in zip(texts, tokens, length, strict=True):
        everything = tokenizer.encode(well_formed(text).replace("<", "‹")).ids
        if "<" not in text:
            assert own[:size].tolist() == everything[:64]
        assert (own[size:] == 0).all()


@given(st.text(st.characters(), max_size=50))
def test_surrogates_go_and_nothing_else_changes(text):
    found = well_formed(text)
    found.encode()
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert found == text
    assert well_formed(found) == found


def test_a_company_of_rows_changes_nothing(sources):
    texts = [TEXT[k:] * 3 for k in range(9)]
    tiers = ("text", "corpus", "reference")
    together = features_of(texts, sources, tiers)
    apart = [features_of([text], sources, tiers, index=[k]) for k, text in enumerate(texts)]
    pd.testing.assert_frame_equal(together, pd.concat(apart, ignore_index=True), rtol=1e-5)


def test_counts_are_of_the_sequence_and_its_other_occurrences(sources, inputs):
    """Rows 3 to 6 of the corpus are the same; a text of one's own is one copy more."""
    copied, other = inputs.tokens[3:4], (inputs.tokens[:1] + 1) % 280
    known = features_of(copied, sources, ("corpus",), corpus_row=np.array([3]))
    assert known["duplication.sequence_count"].tolist() == [4]
    found = features_of(np.concatenate([copied, other]), sources, ("corpus",))
    assert found["duplication.sequence_count"].tolist() == [5, 1]


@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_a_file_in_batches_is_the_same_as_at_once(folder, sources, inputs, rows):
    index = np.arange(12)[::-1] * 10
    table = pa.table({"index": index, "tokens": list(inputs.tokens), "corpus_row": range(12)})
    parquet.write_table(table, "in.parquet")
    tiers = ("text", "corpus", "reference")
    assert (
        write_features(Path("in.parquet"), folder / "new/out.parquet", sources, tiers, rows=rows)
        == 12
    )
    written = read_table(folder / "new/out.parquet", FEATURES)
    expected = features_of(inputs.tokens, sources, tiers, index=index, corpus_row=inputs.rows)
    pd.testing.assert_frame_equal(written, expected, rtol=1e-5)
    assert [path.name for path in (folder / "new").iterdir()] == ["out.parquet"]
    first = (folder / "new/out.parquet").read_bytes()
    write_features(Path("in.parquet"), folder / "new/out.parquet", sources, tiers, rows=rows)
    assert (folder / "new/out.parquet").read_bytes() == first


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.int64()), pa.large_list(pa.uint16()), pa.list_(pa.int32(), 70)],
    ids=str,
)
def test_every_kind_of_list(kind, folder, sources, inputs):
    longer = np.concatenate([inputs.tokens, inputs.tokens[:, :6]], axis=1)
    parquet.write_table(pa.table({"tokens": pa.array(list(longer), kind)}), "in.parquet")
    write_features(Path("in.parquet"), folder / "out.parquet", sources)
    written = read_table(folder / "out.parquet", FEATURES)
    pd.testing.assert_frame_equal(written, features_of(inputs.tokens, sources))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), "dictionary"], ids=str)
def test_every_kind_of_text(kind, folder, sources):
    texts = [TEXT * 3, None, TEXT * 4, TEXT * 3]
    column = pa.array(texts, pa.string() if kind == "dictionary" else kind)
    column = column.dictionary_encode() if kind == "dictionary" else column
    parquet.write_table(pa.table({"text": column}), "in.parquet")
    assert write_features(Path("in.parquet"), folder / "o", sources, short="drop") == 3
    written = read_table(folder / "o", FEATURES)
    expected = features_of([text or "" for text in texts], sources, short="drop")
    pd.testing.assert_frame_equal(written, expected)


def test_invalid_utf_8_is_replaced(folder, sources):
    raw = TEXT.encode() * 3
    column = pa.array([raw + b"\xff", b"\xed\xa0\xbd\xed\xb8\x80" * 30, b"a\xff" * 40])
    parquet.write_table(pa.table({"text": column.view(pa.string())}), "in.parquet")
    write_features(Path("in.parquet"), folder / "out.parquet", sources)
    expected = features_of([TEXT * 3, "😀" * 30, "a\ufffd" * 40], sources)
    pd.testing.assert_frame_equal(read_table(folder / "out.parquet", FEATURES), expected)


BAD_TABLES = {
    "neither": ({"words": ["a"]}, r"no column 'tokens' or 'text'; its columns are: words"),
    "type": ({"tokens": [[0.5] * 64]}, "must be lists of integers"),
    "text type": ({"text": [7]}, "column 'text' is int64; must be strings"),
    "hole": ({"tokens": [[None] + [1] * 63]}, "lists with missing tokens"),
    "unknown": ({"tokens": [[280] * 64]}, "token 280: the tokenizer knows tokens 0 to 279"),
    "negative": ({"tokens": [[-1] * 64]}, "token -1"),
    "missing list": ({"tokens": pa.array([None], pa.list_(pa.int64()))}, "row 0: 0 tokens"),
    "index": ({"tokens": [[1] * 64] * 2, "index": [4, 4]}, "index 4 is there twice"),
    "index type": ({"tokens": [[1] * 64], "index": ["a"]}, "column 'index' is string"),
    "null index": ({"tokens": [[1] * 64] * 2, "index": [4, None]}, "'index' has missing values"),
    "negative index": ({"tokens": [[1] * 64], "index": [-4]}, "index -4; must not be negative"),
    "empty": ({"text": pa.array([], pa.string())}, "no sequence of 64 tokens"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_what_is_wrong_with_a_table_is_said(name, folder, sources):
    columns, message = BAD_TABLES[name]
    parquet.write_table(pa.table(columns), "in.parquet")
    with pytest.raises(UserError, match=message):
        write_features(Path("in.parquet"), folder / "out.parquet", sources)
    assert sorted(path.name for path in folder.iterdir()) == ["here", "tokenizer.json"]


def test_a_mistake_late_in_the_table_leaves_the_old_output(folder, sources, inputs):
    tokens = [*inputs.tokens, inputs.tokens[0][:7]]
    parquet.write_table(pa.table({"tokens": tokens}), "in.parquet")
    (folder / "out.parquet").write_bytes(b"old")
    with pytest.raises(UserError, match="row 12: 7 tokens"):
        write_features(Path("in.parquet"), folder / "out.parquet", sources, rows=4)
    assert (folder / "out.parquet").read_bytes() == b"old"
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tiers": ["sibling"]}, "tier 'sibling': needs what a suite's smaller models"),
        ({"tiers": ["target"]}, "no tier 'target'; the tiers are: text, corpus, reference"),
        ({"tiers": []}, "no tier; name some of"),
        ({"tiers": ["corpus"]}, r"tier 'corpus': needs a corpus; pass one \(--corpus\)"),
        ({"tiers": ["reference"]}, r"needs a reference; pass one \(--reference\)"),
        ({"families": ["semantics"]}, "no family 'semantics'; the families are: "),
        ({"families": ["surprisal"]}, "family 'surprisal': none of its features is of tier text"),
    ],
)
def test_what_cannot_be_computed_is_said(options, message, tokenizer):
    with pytest.raises(UserError, match=message):
        features_of([TEXT * 3], Sources(tokenizer), **options)


def test_tokens_that_are_too_few_or_unknown(sources, tokenizer):
    with pytest.raises(UserError, match="sequences of 40 tokens"):
        features_of(np.ones((2, 40), int), sources)
    with pytest.raises(UserError, match="token 300: the tokenizer knows tokens 0 to 279"):
        features_of(np.full((2, 64), 300), Sources(tokenizer))


def test_corpora_of_every_kind(folder, tokenizer):
    """A text file, a folder, and Parquet files of documents are all packed alike."""
    encoder = Encoder(tokenizer)
    documents = [TEXT * 30, "the mat", ""]
    stream = [i for text in documents for i in [*tokenizer.encode(text).ids, 0]]
    for number, text in enumerate(documents):
        path = folder / "texts" / "below" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    parquet.write_table(pa.table({"text": documents}), "text.parquet")
    lists = [tokenizer.encode(text).ids for text in documents]
    tokens = pa.array(lists, pa.list_(pa.int32()))
    parquet.write_table(pa.table({"tokens": tokens}), "tokens.parquet")
    for path in (folder / "texts", folder / "here/text.parquet", folder / "here/tokens.parquet"):
        windows, _ = read_corpus(path, encoder)
        assert windows.dtype == np.uint16
        assert windows.shape[1] == min(2048, len(stream))
        assert windows.ravel()[: len(stream)].tolist() == stream
        assert not windows.ravel()[len(stream) :].any()
    one, _ = read_corpus(folder / "texts/below/1.txt", encoder)
    assert one.shape == (1, 64)
    rows = np.arange(3 * 80).reshape(3, 80)
    parquet.write_table(pa.table({"tokens": list(rows)}), "rows.parquet")
    np.save("rows.npy", rows.astype(np.uint16))
    for name in ("rows.parquet", "rows.npy"):
        windows, place = read_corpus(folder / "here" / name, encoder)
        assert np.array_equal(windows, rows)
        assert place is None


def test_a_long_document_is_cut_where_it_changes_nothing(tokenizer, monkeypatch):
    monkeypatch.setattr("memorization.features.tokenize.PIECE", 40)
    text = "the cat\n\n  sat on\nthe mat " * 20
    pieces = list(Encoder(tokenizer).documents([text]))
    assert len(pieces) > 5
    assert np.concatenate(pieces).tolist() == [*tokenizer.encode(text).ids, 0]


def test_what_is_wrong_with_a_corpus_is_said(folder, tokenizer):
    encoder = Encoder(tokenizer)
    np.save("wide.npy", np.zeros((3, 80), np.int64))
    np.save("narrow.npy", np.zeros((3, 63), np.uint16))
    (folder / "here/broken.npy").write_bytes(b"no")
    (folder / "here/none").mkdir()
    for name, message in {
        "gone": "no such corpus",
        "wide.npy": r"int64 \[3, 80\]; must be uint16",
        "narrow.npy": "at least 64 tokens a row",
        "broken.npy": "not a NumPy file",
        "none": "no tokens in this corpus",
    }.items():
        with pytest.raises(UserError, match=message):
            read_corpus(folder / "here" / name, encoder)


def test_references(folder, inputs):
    save_checkpoint(inputs.reference, folder / "model")
    model = load_reference(folder / "model")
    assert not model.training
    with pytest.raises(UserError, match="no model here"):
        load_reference(folder)
    config = json.loads((folder / "model/config.json").read_text())
    config["num_hidden_layers"] = 2
    (folder / "model/config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="weights are missing: gpt_neox"):
        load_reference(folder / "model")
    (folder / "model/model.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="not a model that can be loaded"):
        load_reference(folder / "model")


def test_command(folder, inputs, sources, monkeypatch, capsys):
    """All options, and again without them: the tokenizer is then the suite's."""
    texts = [TEXT * 3, "", TEXT * 4]
    parquet.write_table(pa.table({"text": texts, "index": [5, 6, 7]}), "in.parquet")
    np.save("corpus.npy", inputs.windows)
    save_checkpoint(inputs.reference, folder / "model")
    run(
        monkeypatch,
        *("in.parquet", "out.parquet", "--tiers", "text", "corpus", "reference"),
        *("--corpus", "corpus.npy", "--reference", folder / "model", "--short", "drop"),
        *("--tokenizer", folder, "--families", "surprisal", "duplication", "--batch", 2),
    )
    assert "2 sequences; 1 too short, left out" in capsys.readouterr().out
    tiers = ("text", "corpus", "reference")
    expected = features_of(
        [texts[0], texts[2]], sources, tiers, ["surprisal", "duplication"], np.array([5, 7])
    )
    written = read_table(folder / "here/out.parquet", FEATURES)
    pd.testing.assert_frame_equal(written, expected, rtol=1e-5)
    with pytest.raises(UserError, match=r"no tokenizer.*--tokenizer"):
        run(monkeypatch, "in.parquet", "out.parquet")
    suite = folder / "here/results/suite"
    suite.mkdir(parents=True)
    (folder / "tokenizer.json").rename(suite / "tokenizer.json")
    run(monkeypatch, "in.parquet", "out.parquet", "--short", "null")
    assert len(read_table(folder / "here/out.parquet", FEATURES)) == 3


def test_tokenizers_that_are_none(folder):
    (folder / "bad.json").write_text("{}")
    for name, message in {"bad.json": "not a tokenizer", "gone.json": "no such tokenizer"}.items():
        with pytest.raises(UserError, match=message):
            read_tokenizer(folder / name)


def test_a_mistake_is_one_line_and_status_1(folder):
    done = subprocess.run(
        [sys.executable, "-m", "memorization.features", "gone.parquet", "out.parquet"],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: no tokenizer")
    assert "Traceback" not in done.stderr
