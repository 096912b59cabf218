"""Features of anybody's texts, from file to file: as from Python, every mistake in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memorization.cli import app
from memorization.counting.copies import documents
from memorization.errors import UserError
from memorization.features import Sources, features_of
from memorization.features.own import command, reading, writing
from memorization.features.own.command import COLUMNS
from memorization.features.own.corpus import pack, read_corpus
from memorization.features.own.reference import load_reference
from memorization.features.vocabulary import Vocabulary, bytes_tokenizer
from memorization.suite.checkpoints import save_checkpoint

TEXT = "the naïve café in Zürich, 😀 the cat sat on the mat; "
SIMPLE = ("in.parquet", "out.parquet", "--first", "--families", "repetition")
CORPUS = (
    *("in.parquet", "out.parquet", "--first", "--tiers", "corpus"),
    *("--families", "duplication", "--corpus"),
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, tokenizer, inputs):
    """A folder to work in, with a table and the suite's tokenizer."""
    (tmp_path / "results/suite").mkdir(parents=True)
    tokenizer.save(str(tmp_path / "results/suite/tokenizer.json"))
    monkeypatch.chdir(tmp_path)
    table(tokens=list(inputs.tokens))
    return tmp_path


def table(name="in.parquet", **columns):
    parquet.write_table(pa.table(columns), name)


def run(*arguments):
    app(["features", *map(str, arguments)], standalone_mode=False)


def written(*arguments):
    """Return the features that a command writes, as `features_of` does."""
    run(*arguments)
    return features_in(pd.read_parquet(arguments[1]))


def features_in(found):
    return found.drop(columns=list(COLUMNS[1:]))


def files():
    """Return what there is, and when it was last written."""
    paths = Path.cwd().rglob("*")
    return {path: path.is_file() and path.stat().st_mtime_ns for path in paths}


def mistake(*arguments):
    """Return the one-line message of the error that a command ends with; no file changes."""
    before = files()
    with pytest.raises(SystemExit) as raised:
        run(*arguments)
    message = str(raised.value.code)
    assert message.startswith("error: ")
    assert "\n" not in message
    assert files() == before
    return message.removeprefix("error: ")


def test_the_command_with_all_its_options(inputs, sources, here, capsys):
    texts = [TEXT * 3, "", TEXT * 4]
    table(text=texts, index=[5, 6, 7], kind=["a", "b", "c"])
    np.save("corpus.npy", inputs.windows)
    save_checkpoint(inputs.reference, here / "model")
    (here / "results/suite/tokenizer.json").rename(here / "tokenizer.json")
    run(
        *("in.parquet", "new/out.parquet", "--tiers", "text", "corpus", "reference"),
        *("--corpus", "corpus.npy", "--reference", here / "model", "--short", "drop"),
        *("--tokenizer", here, "--families", "surprisal", "duplication", "--batch", 2),
        *("--first", "--carry", "kind"),
    )
    found = pd.read_parquet("new/out.parquet")
    told = capsys.readouterr()
    assert "2 windows of 3 texts" in told.err
    assert "tier sibling: not computed (only the pipeline can)" in told.err
    assert not told.out
    assert found.pop("kind").tolist() == ["a", "c"]
    tiers, families = ("text", "corpus", "reference"), ["surprisal", "duplication"]
    expected = features_of([texts[0], texts[2]], sources, tiers, families, np.array([5, 7]))
    pd.testing.assert_frame_equal(features_in(found), expected, rtol=1e-5)


def test_what_is_not_computed_is_said(capsys, inputs):
    table(text=["", "the cat", "a" * 40, TEXT * 3])
    np.save("corpus.npy", inputs.windows)
    run("in.parquet", "out.csv", "--first", "--tiers", "text", "corpus", "--corpus", "corpus.npy")
    told = capsys.readouterr().err
    for line in (
        "out.csv: 4 windows of 4 texts, ",
        "  3 have fewer than 64 tokens, 1 of them empty or missing",
        "    null in 1 windows of no token: repetition.prompt_distinct, ",
        "    null in 2 windows of fewer than 33 tokens: repetition.continuation_distinct, ",
        "    null in 3 windows of fewer than 64 tokens: duplication.sequence_count, ",
        "  tier reference: not computed (--tiers reference, --reference)",
        "tells: duplication.document_count, duplication.published_count, exposure.",
    ):
        assert line in told
    found = pd.read_csv("out.csv")
    missing = found.isna().sum()
    assert missing["surface.word_count"] == 1
    assert missing["surface.continuation_digits"] == 2
    assert missing["duplication.sequence_count"] == 3


def test_windows_of_texts_of_any_length(tokenizer):
    """A row is what its window has alone; a short text is one window."""
    texts = [TEXT * 8, "the cat", "", TEXT * 3]
    sizes = [len(tokenizer.encode(text).ids) for text in texts]
    table(text=texts, source=["a", "b", "c", "d"])
    for stride, rows in ((64, 100), (10, 3), (100, 1)):
        run("in.parquet", "out.parquet", "--stride", stride, "--rows", rows, "--carry", "source")
        found = pd.read_parquet("out.parquet")
        starts = [
            min(start, max(size - 64, 0))
            for size in sizes
            for start in range(0, max(size - 64, 0) + stride, stride)
        ]
        assert found["start"].tolist() == starts
        assert found.groupby("index")["start"].max().tolist() == [max(n - 64, 0) for n in sizes]
        assert found["source"].tolist() == ["abcd"[i] for i in found["index"]]
        assert (found["short"] == (found["tokens"] < 64)).all()
        assert found.groupby("index")["tokens"].min().tolist() == [min(n, 64) for n in sizes]
        ids = [tokenizer.encode(texts[i]).ids for i in found["index"]]
        lists = [own[at : at + 64] for own, at in zip(ids, found["start"], strict=True)]
        expected = features_of(lists, Sources(tokenizer))
        own = found[expected.columns].drop(columns="index")
        pd.testing.assert_frame_equal(own, expected.drop(columns="index"), rtol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 5, 7, 12, 50])
def test_parts_of_any_size_are_the_same_as_all_at_once(size, inputs, tokenizer, monkeypatch):
    """Across row groups, whatever is read at once, and in whatever order the indices are."""
    monkeypatch.setattr(reading, "READ", 4)
    index = np.arange(12)[::-1] * 10
    own = pa.table({"index": index, "tokens": list(inputs.tokens), "corpus_row": range(12)})
    parquet.write_table(own, "in.parquet", row_group_size=5)
    np.save("corpus.npy", inputs.windows)
    seen = []
    original = command.features_of_rows
    monkeypatch.setattr(
        command,
        "features_of_rows",
        lambda rows, *rest: seen.append(len(rows)) or original(rows, *rest),
    )
    found = written(*CORPUS, "corpus.npy", "--rows", size)
    assert sum(seen) == 12
    assert max(seen) < 2 * size
    expected = features_of(
        inputs.tokens,
        Sources(tokenizer, inputs.windows),
        ("corpus",),
        ["duplication"],
        index,
        inputs.rows,
    )
    pd.testing.assert_frame_equal(found, expected)
    first = Path("out.parquet").read_bytes()
    written(*CORPUS, "corpus.npy", "--rows", size)
    assert Path("out.parquet").read_bytes() == first


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.list_(pa.int64()), pa.large_list(pa.uint16()), pa.list_(pa.int32(), 70)),
        *(pa.list_view(pa.uint64()), pa.large_list_view(pa.int16()), pa.list_(pa.uint32())),
    ],
    ids=str,
)
def test_every_kind_of_list(kind, inputs, tokenizer):
    longer = np.concatenate([inputs.tokens, inputs.tokens[:, :6]], axis=1)
    table(tokens=pa.array(list(longer), kind))
    expected = features_of(inputs.tokens, Sources(tokenizer), families=["repetition"])
    pd.testing.assert_frame_equal(written(*SIMPLE), expected)


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), "dictionary", "bytes"],
    ids=str,
)
def test_every_kind_of_text(kind, tokenizer):
    """A missing one is empty; what is no valid UTF-8 is replaced."""
    texts = [TEXT * 3, None, TEXT * 4]
    if kind == "bytes":
        raw = pa.array(
            [TEXT.encode() * 3 + b"\xff", b"\xed\xa0\xbd\xed\xb8\x80" * 30, b"a\xff" * 40]
        )
        texts, column = [TEXT * 3, "😀" * 30, "a\ufffd" * 40], raw.view(pa.string())
    else:
        column = pa.array(texts, pa.string() if kind == "dictionary" else kind)
    table(text=column.dictionary_encode() if kind == "dictionary" else column)
    expected = features_of([text or "" for text in texts], Sources(tokenizer))
    pd.testing.assert_frame_equal(written("in.parquet", "out.parquet", "--first"), expected)


@pytest.mark.parametrize("kind", [pa.null(), pa.uint64(), pa.int8()], ids=str)
def test_rows_of_the_corpus_of_every_type(kind, inputs, tokenizer):
    np.save("corpus.npy", inputs.windows)
    known = None if kind == pa.null() else inputs.rows
    table(
        tokens=list(inputs.tokens),
        corpus_row=pa.array([None] * 12 if known is None else known, kind),
    )
    expected = features_of(
        inputs.tokens,
        Sources(tokenizer, inputs.windows),
        ("corpus",),
        ["duplication"],
        corpus_row=known,
    )
    pd.testing.assert_frame_equal(written(*CORPUS, "corpus.npy"), expected)


ONE = [[1] * 64]
BAD_TABLES = {
    "neither": ({"words": ["a"]}, "no column 'tokens' or 'text'; its columns are: words"),
    "type": ({"tokens": [[0.5] * 64]}, "must be lists of integers"),
    "text type": ({"text": [7]}, "column 'text' is int64; must be strings"),
    "hole": ({"tokens": [[None] + [1] * 63]}, "row 0: a token is missing in 'tokens'"),
    "unknown": ({"tokens": [[280] * 64]}, "token 280: the tokenizer knows tokens 0 to 279"),
    "negative": ({"tokens": [[-1] * 64]}, "token -1"),
    "missing list": ({"tokens": pa.array([None], pa.list_(pa.int64()))}, "index 0: 0 tokens"),
    "missing text": ({"text": pa.array([None], pa.string())}, "index 0: 0 tokens, fewer than 64"),
    "short late": ({"tokens": [*ONE * 9, [1]]}, "index 9: 1 tokens, fewer than 64; --short keep"),
    "many": (
        {f"column{k}": [1] for k in range(3000)},
        "column18, column19 and 2,980 more",
    ),
    "near": ({"Text": ["a"], "id": [1]}, "its columns are: Text, id; nearest: 'Text'"),
    "index": ({"tokens": ONE * 3, "index": [4, 5, 4]}, "index 4 is there twice"),
    "index type": ({"tokens": ONE, "index": ["a"]}, "column 'index' is string; must be integers"),
    "null index": ({"tokens": ONE * 2, "index": [4, None]}, "'index' has missing values"),
    "negative index": (
        {"tokens": ONE, "index": [-4]},
        "in.parquet: index -4; must not be negative",
    ),
    "large": (
        {"tokens": ONE, "index": pa.array([2**63], pa.uint64())},
        "column 'index': Integer value 9223372036854775808 not in range",
    ),
    "large row": (
        {"tokens": ONE, "corpus_row": pa.array([2**63], pa.uint64())},
        "column 'corpus_row': Integer value 9223372036854775808 not in range",
    ),
    "empty": ({"text": pa.array([], pa.string())}, "in.parquet: no texts in it"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_what_is_wrong_with_a_table_is_said(name):
    columns, message = BAD_TABLES[name]
    table(**columns)
    Path("out.parquet").write_bytes(b"old")
    assert message in mistake(*SIMPLE, "--rows", 4, "--short", "error")


@pytest.mark.parametrize("name", ["tokens", "index"])
def test_a_column_that_is_there_twice(name, inputs):
    columns = {"tokens": pa.array(list(inputs.tokens)), "index": pa.array(range(12))}
    names = [*columns, name]
    parquet.write_table(pa.Table.from_arrays([columns[own] for own in names], names), "in.parquet")
    assert mistake(*SIMPLE) == f"in.parquet: two columns '{name}'; must be one"


def test_files_that_are_damaged_or_none():
    table(text=[f"{number} {TEXT * 3}" for number in range(900)])
    data = bytearray(Path("in.parquet").read_bytes())
    data[200:2000] = b"\xff" * 1800
    Path("in.parquet").write_bytes(data)
    assert mistake(*SIMPLE).startswith("in.parquet: not a readable Parquet file (")
    os.mkfifo("pipe")
    assert "pipe: no such file or folder" in mistake("pipe", "out.parquet")
    Path("bad.json").write_text("{}")
    for name, message in {"bad.json": "not a tokenizer", "gone.json": "no such tokenizer"}.items():
        assert message in mistake(*SIMPLE, "--tokenizer", name)


# --- The destination ------------------------------------------------------------------------------


def test_destinations_that_cannot_be_written(here):
    (here / "folder").mkdir()
    os.mkfifo(here / "pipe")
    for name, message in {
        "folder": "folder: a folder; name the file",
        "": "a folder; name the file",
        "in.parquet/out.parquet": "in.parquet/out.parquet: cannot be written",
        "new/" + "x" * 300 + ".csv": "cannot be written",
        "pipe": "pipe: no regular file, not replaced",
    }.items():
        assert message in mistake("in.parquet", name)
    assert (here / "pipe").is_fifo()


def test_what_is_read_is_not_written_and_links_are_followed(here, inputs):
    for folder in ("corpus", "store"):
        (here / folder).mkdir()
    (here / "corpus/a.txt").write_text(TEXT * 9)
    (here / "link").symlink_to("in.parquet")
    os.link("in.parquet", "partial.partial")
    save_checkpoint(inputs.reference, here / "model")
    options = ("--tiers", "corpus", "reference", "--corpus", "corpus", "--reference", "model")
    options += ("--format", "parquet")
    for name in (
        *("in.parquet", "./corpus/../in.parquet", "link", "corpus/a.txt", "corpus/new.parquet"),
        *("results/suite/tokenizer.json", "model/config.json"),
    ):
        message = mistake("in.parquet", name, *options)
        assert "which is read; name another file to write" in message
    # What is written first has another name, which can be the input's.
    assert "which is read" in mistake("partial.partial", "partial", "--format", "parquet")
    (here / "store/old.parquet").write_bytes(b"old")
    (here / "out.parquet").symlink_to("store/old.parquet")
    assert len(written(*SIMPLE)) == 12
    assert (here / "out.parquet").is_symlink()
    assert len(pd.read_parquet(here / "store/old.parquet")) == 12


def test_a_disk_that_is_full(here, monkeypatch):
    class Full(parquet.ParquetWriter):
        def write_table(self, *arguments, **options):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.parquet, "ParquetWriter", Full)
    (here / "out.parquet").write_bytes(b"old")
    assert mistake(*SIMPLE) == "out.parquet: cannot be written (No space left on device)"
    assert (here / "out.parquet").read_bytes() == b"old"
    assert not list(here.glob("*.partial"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("in.parquet", "in.parquet"), "which is read"),
        (("gone.parquet", "out.parquet"), "gone.parquet: no such file"),
        (("in.parquet", "out.parquet", "--families", "semantics"), "no family 'semantics'"),
        (("in.parquet", "out.parquet", "--tiers", "sibling"), "tier 'sibling'"),
        (("in.parquet", "out.xlsx"), "out.xlsx: name a file that ends with .parquet"),
        (("in.parquet", "out.csv", "--carry", "kind"), "in.parquet: no column 'kind'"),
        (("in.parquet", "out.csv", "--carry", "tokens"), "--carry tokens: a column of that name"),
    ],
)
def test_mistakes_are_told_before_the_work(arguments, message, monkeypatch):
    def never(*arguments):
        raise AssertionError("loaded")

    monkeypatch.setattr(command, "read_corpus", never)
    monkeypatch.setattr(command, "load_reference", never)
    options = [] if "--tiers" in arguments else ["--tiers", "text", "corpus", "reference"]
    assert message in mistake(*arguments, *options, "--corpus", "x.npy", "--reference", "model")


def test_a_carried_column_is_written_as_it_was_or_refused(inputs):
    table(**{"text": [TEXT * 3], "surface.url_count": [99]})
    message = mistake("in.parquet", "out.parquet", "--carry", "surface.url_count")
    assert message == "--carry surface.url_count: a column of that name is written anyway"
    np.save("corpus.npy", inputs.windows)
    table(tokens=list(inputs.tokens), corpus_row=inputs.rows)
    run(*CORPUS, "corpus.npy", "--carry", "corpus_row")
    assert pd.read_parquet("out.parquet")["corpus_row"].tolist() == list(inputs.rows)


@pytest.mark.parametrize("name", ["index", "corpus_row"])
def test_what_the_first_line_lacks_is_not_silently_left_out(name):
    lines = [{"text": TEXT * 3}, {"text": TEXT * 3, name: 7}]
    Path("in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    message = mistake("in.jsonl", "out.parquet")
    assert message.startswith(f"in.jsonl: line 2: has '{name}', which the first line lacks; give")


# --- The corpus -----------------------------------------------------------------------------------


def test_rows_known_of_some_sequences_only_across_batches(inputs):
    np.save("corpus.npy", inputs.windows)
    table(tokens=list(inputs.tokens), corpus_row=[*range(8), *[None] * 4])
    Path("out.parquet").write_bytes(b"old")
    with pytest.raises(SystemExit, match="corpus_row must be known for all sequences or for none"):
        run(*CORPUS, "corpus.npy", "--rows", "4")
    assert Path("out.parquet").read_bytes() == b"old"
    # A sequence that is left out need not have one.
    table(tokens=[*inputs.tokens, [5]], corpus_row=[*range(12), None])
    assert len(written(*CORPUS, "corpus.npy", "--rows", 4, "--short", "drop")) == 12


def test_lists_of_a_corpus_that_are_missing_or_shorter(inputs, capsys):
    """Rows do not become documents unsaid."""
    table(tokens=list(inputs.tokens), corpus_row=range(12))
    table("corpus.parquet", tokens=[*inputs.windows, None])
    message = mistake(*CORPUS, "corpus.parquet")
    assert "corpus.parquet: missing or empty lists among rows of 80 tokens" in message
    table("corpus.parquet", tokens=[*inputs.windows, [7] * 9])
    message = mistake(*CORPUS, "corpus.parquet")
    assert "index 1: corpus_row 1, but of the corpus's 2 rows of 2,048 tokens" in message
    assert "2 rows of 2,048 tokens, of documents one after another" in capsys.readouterr().err


def test_corpora_that_cannot_be_read(inputs, tokenizer):
    np.savez("corpus.npz", inputs.windows)
    np.savez("zip.npz", inputs.windows)
    Path("zip.npz").rename("zip.npy")
    Path("utf-16.txt").write_text(TEXT, encoding="utf-16")
    Path("nothing.npy").write_bytes(b"")
    np.save("no-rows.npy", inputs.windows[:0])
    np.save("other.npy", inputs.windows + np.uint16(1))
    np.save("objects.npy", np.array([{}]))
    np.save("wide.npy", np.zeros((3, 80)))
    np.save("narrow.npy", np.zeros((3, 63), np.uint16))
    Path("folder").mkdir()
    np.save("folder/corpus.npy", inputs.windows)
    Path("none").mkdir()
    for name, message in {
        "gone": "no such corpus",
        "none": "no tokens in this corpus",
        "corpus.npz": "corpus.npz: not text in UTF-8; a corpus is texts",
        "utf-16.txt": "utf-16.txt: not text in UTF-8",
        "folder": "folder/corpus.npy: not text in UTF-8",
        "zip.npy": "zip.npy: not a NumPy file",
        "nothing.npy": "nothing.npy: not a NumPy file",
        "objects.npy": "objects.npy: not a NumPy file",
        "wide.npy": "float64 [3, 80]; must be integers",
        "narrow.npy": "at least 64 tokens a row",
        "no-rows.npy": "no-rows.npy: no tokens in this corpus",
        "other.npy": "other.npy: token 280: the tokenizer knows tokens 0 to 279",
    }.items():
        with pytest.raises(UserError) as raised:
            read_corpus(Path(name), Vocabulary(tokenizer))
        assert message in str(raised.value)


def test_corpora_of_every_kind(tokenizer, inputs):
    """Text files, Parquet files of texts or of tokens, and folders of both are packed alike."""
    vocabulary = Vocabulary(tokenizer)
    texts = [TEXT * 30, "the mat", ""]
    stream = [i for text in texts for i in [*tokenizer.encode(text).ids, 0]]
    Path("texts/below").mkdir(parents=True)
    Path("texts/.DS_Store").write_bytes(b"\0\0\0\1")
    for number, text in enumerate(texts):
        Path(f"texts/below/{number}.txt").write_text(text, encoding="utf-8")
    table("text.parquet", text=texts)
    lists = [tokenizer.encode(text).ids for text in texts]
    table("tokens.parquet", tokens=pa.array(lists, pa.list_(pa.int32())))
    Path("mixed").mkdir()
    table("mixed/0.parquet", text=texts[:1])
    Path("mixed/1.txt").write_text(texts[1])
    Path("mixed/2.txt").write_text(texts[2])
    for name in ("texts", "text.parquet", "tokens.parquet", "mixed"):
        corpus = read_corpus(Path(name), vocabulary)
        windows, place = corpus.windows, corpus.place
        assert windows.dtype == np.uint16
        assert windows.shape[1] == min(2048, len(stream))
        assert windows.ravel()[: len(stream)].tolist() == stream
        assert not windows.ravel()[len(stream) :].any()
        assert place.shape == (len(windows), 2)
    assert read_corpus(Path("texts/below/1.txt"), vocabulary).windows.shape == (1, 64)
    # Lists of one length are rows, in order of the files.
    Path("rows").mkdir()
    table("rows/0.parquet", tokens=list(inputs.windows[:25]))
    table("rows/1.parquet", tokens=list(inputs.windows[25:]))
    np.save("rows.npy", inputs.windows)
    np.save("wide.npy", inputs.windows.astype(np.int64))
    for name in ("rows", "rows.npy", "wide.npy"):
        corpus = read_corpus(Path(name), vocabulary)
        windows, place = corpus.windows, corpus.place
        assert np.array_equal(windows, inputs.windows)
        assert place is None


def test_documents_are_counted_in_a_corpus_of_documents(tokenizer, inputs):
    """By brute force over the documents' tokens, cut into rows of 2048."""
    text, filler = TEXT * 4, "the cat\n" * 700
    texts = [filler + text, filler, text + "\n" + filler + text, "a\n" + text]
    documents_of_tokens = [tokenizer.encode(text).ids for text in texts]
    stream = [i for own in documents_of_tokens for i in [*own, 0]]
    holder = [n for n, own in enumerate(documents_of_tokens) for _ in [*own, 0]]
    wanted = tokenizer.encode(text).ids[:64]
    places = [
        place
        for place in range(len(stream) - 63)
        if stream[place : place + 64] == wanted and place % 2048 <= 2048 - 64
    ]
    assert len(places) == 4
    assert len({holder[place] for place in places}) == 3
    assert len({place // 2048 for place in places}) > 2
    table("tokens.parquet", tokens=documents_of_tokens)
    table(text=[text, "on " * 64])
    found = written(*CORPUS, "tokens.parquet")
    # One more each: that of the sequence itself.
    assert found["duplication.sequence_count"].tolist() == [1 + 4, 1]
    assert found["duplication.document_count"].tolist() == [1 + 3, 1]
    np.save("rows.npy", inputs.windows)
    assert "duplication.document_count" not in written(*CORPUS, "rows.npy")


def test_every_token_of_a_packed_corpus_is_in_its_document():
    rng = np.random.default_rng(0)
    pieces = [
        np.append(rng.integers(1, 280, size), 0).astype(np.uint16)
        for size in (0, 3, 63, 64, 200, 1, 127, 0, 500)
    ]
    windows, place = pack(pieces, "a corpus", 64)
    size = np.array([len(piece) for piece in pieces])
    row, offset = np.divmod(np.arange(size.sum()), 64)
    expected = np.repeat(np.cumsum(size) - size, size)
    assert documents(windows, place, row, offset).tolist() == expected.tolist()


# --- References -----------------------------------------------------------------------------------


def test_a_reference_reads_its_own_tokens(here, inputs, tokenizer):
    save_checkpoint(inputs.reference, here / "model")
    table(text=[TEXT * 3])
    command = (*SIMPLE[:3], "--tiers", "reference", "--reference", "model")
    own = written(*command)
    tokenizer.save("model/tokenizer.json")
    bytes_tokenizer().save("results/suite/tokenizer.json")
    pd.testing.assert_frame_equal(written(*command), own)
    other = written(*command, "--tokenizer", "results/suite")
    assert not np.allclose(other["surprisal.mean"], own["surprisal.mean"])


def test_references_that_cannot_be_used(here, inputs):
    from transformers import GPT2Config, GPT2LMHeadModel

    save_checkpoint(inputs.reference, here / "model")
    assert not load_reference(here / "model").training
    options = {"vocab_size": 280, "n_embd": 8, "n_layer": 1, "n_head": 1}
    for n, name in ((62, "short"), (63, "enough")):
        GPT2LMHeadModel(GPT2Config(n_positions=n, **options)).save_pretrained(here / name)
    load_reference(here / "enough")
    message = mistake("in.parquet", "o.csv", "--tiers", "reference", "--reference", "short")
    assert message.startswith("short: not a model that can be run on 63 tokens (")
    with pytest.raises(UserError, match="no model here"):
        load_reference(here)
    config = json.loads((here / "model/config.json").read_text())
    for damage, message in (
        (json.dumps(config | {"num_hidden_layers": 2}), "weights are missing: gpt_neox"),
        ("[]", "not a model that can be loaded"),
    ):
        (here / "model/config.json").write_text(damage)
        with pytest.raises(UserError, match=message):
            load_reference(here / "model")
    (here / "model/config.json").write_text(json.dumps(config))
    (here / "model/model.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="not a model that can be loaded"):
        load_reference(here / "model")
