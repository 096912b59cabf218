"""Ordinary mistakes with features of one's own: one line that says what is wrong, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memorization.counting.occurrences import documents
from memorization.errors import UserError
from memorization.features import Sources, features_of
from memorization.features.command import line, rows, write
from memorization.features.command.line import main
from memorization.features.command.reference import load_reference
from memorization.suite.checkpoints import save_checkpoint
from memorization.tables import FEATURES, read_table

TEXT = "the naïve café in Zürich, 😀 the cat sat on the mat; "
CORPUS = ("--tiers", "corpus", "--families", "duplication", "--corpus")


@pytest.fixture
def sources(inputs, tokenizer):
    return Sources(tokenizer, inputs.windows, inputs.reference, batch=5)


@pytest.fixture
def here(tmp_path, monkeypatch, tokenizer, inputs):
    """A folder to work in, with a table and the suite's tokenizer."""
    (tmp_path / "results/suite").mkdir(parents=True)
    tokenizer.save(str(tmp_path / "results/suite/tokenizer.json"))
    monkeypatch.chdir(tmp_path)
    parquet.write_table(pa.table({"tokens": list(inputs.tokens)}), "in.parquet")
    return tmp_path


@pytest.fixture
def command(here, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["features", *map(str, arguments)])
        main()

    return run


def mistake(command, *arguments):
    """Return the message of the error that a command ends with."""
    with pytest.raises(UserError) as raised:
        command(*arguments)
    message = str(raised.value)
    assert "\n" not in message
    return message


def table(**columns):
    parquet.write_table(pa.table(columns), "in.parquet")


# --- Rows of the corpus ---------------------------------------------------------------------------


@pytest.mark.parametrize("row", [10**6, 40, -7, 8])
def test_a_row_of_the_corpus_that_begins_otherwise(row, inputs, sources):
    corpus_row = np.append(inputs.rows[:4], row)
    with pytest.raises(UserError, match=f"index 50: corpus_row {row}, but of the corpus's 40 rows"):
        features_of(
            inputs.tokens[:5],
            sources,
            ("corpus",),
            index=np.arange(10, 60, 10),
            corpus_row=corpus_row,
        )


def test_rows_of_the_corpus_matter_to_its_tier_only(inputs, tokenizer):
    found = features_of(inputs.tokens, Sources(tokenizer), corpus_row=inputs.rows + 99)
    pd.testing.assert_frame_equal(found, features_of(inputs.tokens, Sources(tokenizer)))


MIXED = "corpus_row must be known for all sequences or for none when the rows are longer than 64"


def test_rows_known_of_some_sequences_only(inputs, tokenizer):
    """Where rows end with the sequence counts do not differ, where they go on they would."""
    some = np.where(inputs.rows < 9, inputs.rows, -1)
    long, short = inputs.windows, np.ascontiguousarray(inputs.windows[:, :64])
    with pytest.raises(UserError, match=MIXED):
        features_of(inputs.tokens, Sources(tokenizer, long), ("corpus",), corpus_row=some)
    for rows_known in (inputs.rows, np.full(12, -1)):
        features_of(inputs.tokens, Sources(tokenizer, long), ("corpus",), corpus_row=rows_known)
    found = features_of(inputs.tokens, Sources(tokenizer, short), ("corpus",), corpus_row=some)
    assert len(found) == 12


def test_rows_known_of_some_sequences_only_across_batches(here, command, inputs):
    np.save("corpus.npy", inputs.windows)
    table(tokens=list(inputs.tokens), corpus_row=[*range(8), *[None] * 4])
    Path("out.parquet").write_bytes(b"old")
    message = mistake(command, "in.parquet", "out.parquet", *CORPUS, "corpus.npy", "--rows", 4)
    assert message.startswith(MIXED)
    assert Path("out.parquet").read_bytes() == b"old"
    # A sequence that is left out need not have one.
    table(tokens=[*inputs.tokens, [5]], corpus_row=[*range(12), None])
    command("in.parquet", "out.parquet", *CORPUS, "corpus.npy", "--rows", 4, "--short", "drop")
    assert len(read_table(Path("out.parquet"), FEATURES)) == 12


@pytest.mark.parametrize("kind", [pa.null(), pa.uint64(), pa.int8()], ids=str)
def test_rows_of_the_corpus_of_every_type(kind, here, command, inputs):
    np.save("corpus.npy", inputs.windows)
    known = None if kind == pa.null() else range(12)
    values = [None] * 12 if known is None else list(known)
    table(tokens=list(inputs.tokens), corpus_row=pa.array(values, kind))
    command("in.parquet", "out.parquet", *CORPUS, "corpus.npy")
    expected = features_of(
        inputs.tokens,
        Sources(inputs.tokenizer, inputs.windows),
        ("corpus",),
        ["duplication"],
        corpus_row=None if known is None else inputs.rows,
    )
    pd.testing.assert_frame_equal(read_table(Path("out.parquet"), FEATURES), expected)


def test_lists_of_a_corpus_that_are_missing_or_shorter(here, command, inputs, capsys):
    """Rows do not become documents unsaid."""
    table(tokens=list(inputs.tokens), corpus_row=range(12))
    parquet.write_table(pa.table({"tokens": [*inputs.windows, None]}), "corpus.parquet")
    message = mistake(command, "in.parquet", "out.parquet", *CORPUS, "corpus.parquet")
    assert "corpus.parquet: column 'tokens' has missing lists" in message
    parquet.write_table(pa.table({"tokens": [*inputs.windows, [7] * 9]}), "corpus.parquet")
    message = mistake(command, "in.parquet", "out.parquet", *CORPUS, "corpus.parquet")
    assert "index 1: corpus_row 1, but of the corpus's 2 rows of 2,048 tokens" in message
    assert "2 rows of 2,048 tokens, of documents one after another" in capsys.readouterr().out


# --- The destination ------------------------------------------------------------------------------


def test_destinations_that_cannot_be_written(here, command):
    (here / "folder").mkdir()
    os.mkfifo(here / "pipe")
    before = sorted(here.rglob("*"))
    for name, message in {
        "folder": "folder: a folder; name the Parquet file",
        "": "a folder; name the Parquet file",
        "in.parquet/out.parquet": "in.parquet/out.parquet: cannot be written",
        "new/" + "x" * 300: "cannot be written",
        "pipe": "pipe: no regular file, not replaced",
    }.items():
        assert message in mistake(command, "in.parquet", name)
    assert sorted(here.rglob("*")) == before
    assert (here / "pipe").is_fifo()


def test_what_is_read_is_not_written(here, command, inputs):
    (here / "corpus").mkdir()
    (here / "corpus/a.txt").write_text(TEXT * 9)
    (here / "link").symlink_to("in.parquet")
    os.link("in.parquet", "partial.partial")
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    for name in (
        *("in.parquet", "./corpus/../in.parquet", "link"),
        *("corpus/a.txt", "corpus/new.parquet", "results/suite/tokenizer.json"),
    ):
        message = mistake(command, "in.parquet", name, *CORPUS, "corpus")
        assert "which is read; name another file to write" in message
    # What is written first has another name, which can be the input's.
    assert "which is read" in mistake(command, "partial.partial", "partial")
    save_checkpoint(inputs.reference, here / "model")
    reference = ("--tiers", "reference", "--reference", "model")
    assert "which is read" in mistake(command, "in.parquet", "model/config.json", *reference)
    assert {path: path.read_bytes() for path in before} == before


def test_a_link_is_followed(here, command):
    (here / "store").mkdir()
    (here / "store/old.parquet").write_bytes(b"old")
    (here / "out.parquet").symlink_to("store/old.parquet")
    command("in.parquet", "out.parquet", "--families", "repetition")
    assert (here / "out.parquet").is_symlink()
    assert len(read_table(here / "store/old.parquet", FEATURES)) == 12


def test_a_disk_that_is_full(here, command, monkeypatch):
    class Full(parquet.ParquetWriter):
        def write_table(self, *arguments, **options):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.parquet, "ParquetWriter", Full)
    (here / "out.parquet").write_bytes(b"old")
    message = mistake(command, "in.parquet", "out.parquet", "--families", "repetition")
    assert message == "out.parquet: cannot be written (No space left on device)"
    assert (here / "out.parquet").read_bytes() == b"old"
    assert not list(here.glob("*.partial"))


# --- The order of things --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("in.parquet", "in.parquet"), "which is read"),
        (("gone.parquet", "out.parquet"), "gone.parquet: no such file"),
        (("in.parquet", "out.parquet", "--families", "semantics"), "no family 'semantics'"),
        (("in.parquet", "out.parquet", "--tiers", "sibling"), "tier 'sibling'"),
        (("twice.parquet", "out.parquet"), "twice.parquet: index 3 is there twice"),
    ],
)
def test_mistakes_are_told_before_the_work(arguments, message, here, command, inputs, monkeypatch):
    def never(*arguments):
        raise AssertionError("loaded")

    monkeypatch.setattr(line, "read_corpus", never)
    monkeypatch.setattr(line, "load_reference", never)
    table_of_two = pa.table({"tokens": list(inputs.tokens[:2]), "index": [3, 3]})
    parquet.write_table(table_of_two, "twice.parquet")
    options = [] if "--tiers" in arguments else ["--tiers", "text", "corpus", "reference"]
    options += ["--corpus", "x.npy", "--reference", "model"]
    assert message in mistake(command, *arguments, *options)


# --- The table ------------------------------------------------------------------------------------


def test_a_column_that_is_there_twice(here, command, inputs):
    for name in ("tokens", "index"):
        names = ["tokens", name]
        columns = [pa.array(list(inputs.tokens)), pa.array(range(12))]
        columns = [columns[0], columns[0]] if name == "tokens" else [*columns, columns[1]]
        names = names if name == "tokens" else [*names, name]
        parquet.write_table(pa.Table.from_arrays(columns, names), "in.parquet")
        message = mistake(command, "in.parquet", "out.parquet")
        assert message == f"in.parquet: two columns '{name}'; must be one"


def test_damaged_pages(here, command):
    texts = [f"{number} {TEXT * 3}" for number in range(900)]
    parquet.write_table(pa.table({"text": texts}), "in.parquet", compression="snappy")
    data = bytearray(Path("in.parquet").read_bytes())
    data[200:2000] = b"\xff" * 1800
    Path("in.parquet").write_bytes(data)
    message = mistake(command, "in.parquet", "out.parquet")
    assert message.startswith("in.parquet: not a readable Parquet file (")


def test_a_pipe_as_table(here, command):
    os.mkfifo("pipe")
    assert "pipe: no such file" in mistake(command, "pipe", "out.parquet")


def test_numbers_too_large(here, command, inputs):
    large = pa.array([2**63 + 1], pa.uint64())
    for name in ("index", "corpus_row"):
        parquet.write_table(
            pa.table({"tokens": list(inputs.tokens[:1]), name: large}), "in.parquet"
        )
        message = mistake(command, "in.parquet", "out.parquet")
        assert message == f"in.parquet: {name} {2**63 + 1}; must be at most {2**63 - 1}"


@pytest.mark.parametrize("size", [1, 3, 5, 7, 12, 50])
def test_no_more_rows_at_once_than_asked_for(size, here, command, inputs, monkeypatch):
    """In any size, across row groups, and whatever is read at once."""
    monkeypatch.setattr(rows, "READ", 4)
    parquet.write_table(pa.table({"tokens": list(inputs.tokens)}), "in.parquet", row_group_size=5)
    seen = []
    original = write.features_of_tokens

    def watched(tokens, *arguments):
        seen.append(len(tokens))
        return original(tokens, *arguments)

    monkeypatch.setattr(write, "features_of_tokens", watched)
    command("in.parquet", "out.parquet", "--families", "repetition", "--rows", size)
    assert seen == [size] * (12 // size) + [12 % size] * (12 % size > 0)
    expected = features_of(inputs.tokens, Sources(inputs.tokenizer), families=["repetition"])
    pd.testing.assert_frame_equal(read_table(Path("out.parquet"), FEATURES), expected)


@pytest.mark.parametrize("order", ["ascending", "descending", "late", "twice", "far", "negative"])
def test_indices_in_any_order(order, here, command, inputs, monkeypatch):
    monkeypatch.setattr(rows, "READ", 1)
    index = np.arange(40)
    wrong = {"twice": (39, 38), "far": (39, 3), "negative": (20, -2), "late": (39, 15)}
    if order == "descending":
        index = index[::-1]
    elif order == "late":
        index = np.append(np.arange(0, 78, 2), 15)
    elif order in wrong:
        place, value = wrong[order]
        index[place] = value
    tokens = [inputs.tokens[0]] * 40
    table(tokens=tokens, index=index)
    arguments = ("in.parquet", "out.parquet", "--families", "repetition", "--rows", 2)
    if order in ("ascending", "descending", "late"):
        command(*arguments)
        assert read_table(Path("out.parquet"), FEATURES)["index"].tolist() == index.tolist()
        return
    said = {"twice": "38 is there twice", "far": "3 is there twice", "negative": "-2; must not be"}
    assert f"in.parquet: index {said[order]}" in mistake(command, *arguments)


def test_ascending_indices_are_not_kept(here, monkeypatch, inputs):
    monkeypatch.setattr(rows, "READ", 1)
    longest = []
    monkeypatch.setattr(rows, "check_index", lambda index, where: longest.append(len(index)))
    for index in (np.arange(40), np.arange(40)[::-1]):
        table(tokens=[inputs.tokens[0]] * 40, index=index)
        rows.Table.open(Path("in.parquet")).check_index()
    assert longest == [40]


# --- The corpus -----------------------------------------------------------------------------------


def test_corpora_that_are_no_text(here, command, inputs):
    np.savez("corpus.npz", inputs.windows)
    np.savez("zip.npz", inputs.windows)
    Path("zip.npz").rename("zip.npy")
    inputs.windows.tofile("document.bin")
    Path("utf-16.txt").write_text(TEXT, encoding="utf-16")
    Path("nothing.npy").write_bytes(b"")
    np.save("no-rows.npy", inputs.windows[:0])
    np.save("other.npy", inputs.windows + np.uint16(1))
    np.save("objects.npy", np.array([{}]))
    Path("folder").mkdir()
    np.save("folder/corpus.npy", inputs.windows)
    for name, message in {
        "corpus.npz": "corpus.npz: not a text in UTF-8, it has NUL bytes; tokens are read from",
        "document.bin": "document.bin: not a text in UTF-8",
        "utf-16.txt": "utf-16.txt: not a text in UTF-8",
        "folder": "folder/corpus.npy: not a text in UTF-8",
        "zip.npy": "zip.npy: not a NumPy file",
        "nothing.npy": "nothing.npy: not a NumPy file",
        "objects.npy": "objects.npy: not a NumPy file",
        "no-rows.npy": "no-rows.npy: no tokens in this corpus",
        "other.npy": "other.npy: token 280: the tokenizer knows tokens 0 to 279",
    }.items():
        assert message in mistake(command, "in.parquet", "out.parquet", *CORPUS, name)


def test_a_folder_of_parquet_files(here, command, inputs):
    """Of rows: the rows, in order of the files; of texts: the documents, as those of text files."""
    for name in ("rows", "texts", "mixed"):
        Path(name).mkdir()
    parquet.write_table(pa.table({"tokens": list(inputs.windows[:25])}), "rows/0.parquet")
    parquet.write_table(pa.table({"tokens": list(inputs.windows[25:])}), "rows/1.parquet")
    Path("rows/.DS_Store").write_bytes(b"\0\0\0\1")
    table(tokens=list(inputs.tokens), corpus_row=range(12))
    command("in.parquet", "out.parquet", *CORPUS, "rows")
    expected = features_of(
        inputs.tokens,
        Sources(inputs.tokenizer, inputs.windows),
        ("corpus",),
        ["duplication"],
        corpus_row=inputs.rows,
    )
    pd.testing.assert_frame_equal(read_table(Path("out.parquet"), FEATURES), expected)
    table(text=[TEXT * 4])
    parquet.write_table(pa.table({"text": [TEXT * 9, TEXT * 5]}), "texts/0.parquet")
    parquet.write_table(pa.table({"text": [TEXT * 9]}), "mixed/0.parquet")
    Path("mixed/1.txt").write_text(TEXT * 5)
    found = []
    for name in ("texts", "mixed"):
        command("in.parquet", "out.parquet", *CORPUS, name)
        found.append(read_table(Path("out.parquet"), FEATURES))
    pd.testing.assert_frame_equal(*found)
    # Within a document the text follows a blank, which is in its first token.
    assert found[0]["duplication.sequence_count"].tolist() == [1 + 2]


def test_documents_are_counted_in_a_corpus_of_documents(here, command, tokenizer, inputs):
    """By brute force over the documents' tokens, cut into rows of 2048."""
    text = TEXT * 4
    filler = "the cat\n" * 700
    texts = [filler + text, filler, text + "\n" + filler + text, "a\n" + text]
    documents_of_tokens = [tokenizer.encode(text).ids for text in texts]
    stream, holder = [], []
    for number, own in enumerate(documents_of_tokens):
        stream += [*own, 0]
        holder += [number] * (len(own) + 1)
    wanted = tokenizer.encode(text).ids[:64]
    places = [
        place
        for place in range(len(stream) - 63)
        if stream[place : place + 64] == wanted and place % 2048 <= 2048 - 64
    ]
    assert len(places) == 4
    assert len({holder[place] for place in places}) == 3
    assert len({place // 2048 for place in places}) > 2
    Path("folder").mkdir()
    for number, document in enumerate(texts):
        Path(f"folder/{number}.txt").write_text(document)
    parquet.write_table(pa.table({"text": texts}), "text.parquet")
    parquet.write_table(pa.table({"tokens": documents_of_tokens}), "tokens.parquet")
    table(text=[text, "on " * 64])
    for name in ("folder", "text.parquet", "tokens.parquet"):
        command("in.parquet", "out.parquet", *CORPUS, name)
        found = read_table(Path("out.parquet"), FEATURES)
        # One more each: that of the sequence itself.
        assert found["duplication.sequence_count"].tolist() == [1 + 4, 1]
        assert found["duplication.document_count"].tolist() == [1 + 3, 1]
    np.save("rows.npy", inputs.windows)
    command("in.parquet", "out.parquet", *CORPUS, "rows.npy")
    assert "duplication.document_count" not in read_table(Path("out.parquet"), FEATURES)


def test_every_token_of_a_packed_corpus_is_in_its_document(here, tokenizer):
    from memorization.features.command.corpus import pack

    rng = np.random.default_rng(0)
    pieces = [
        np.append(rng.integers(1, 280, size), 0).astype(np.uint16)
        for size in (0, 3, 63, 64, 200, 1, 127, 0, 500)
    ]
    windows, place = pack(pieces, "a corpus", 64)
    total = sum(map(len, pieces))
    expected, start = [], 0
    for piece in pieces:
        expected += [start] * len(piece)
        start += len(piece)
    row, offset = np.divmod(np.arange(total), 64)
    assert documents(windows, place, row, offset).tolist() == expected


# --- References -----------------------------------------------------------------------------------


def test_a_reference_of_too_few_positions(here, command):
    from transformers import GPT2Config, GPT2LMHeadModel

    options = {"vocab_size": 280, "n_embd": 8, "n_layer": 1, "n_head": 1}
    for n, name in ((62, "short"), (63, "enough")):
        GPT2LMHeadModel(GPT2Config(n_positions=n, **options)).save_pretrained(here / name)
    load_reference(here / "enough")
    message = mistake(
        command, "in.parquet", "o", "--tiers", "reference", "--reference", here / "short"
    )
    assert message.startswith(f"{here / 'short'}: not a model that can be run on 63 tokens (")


def test_a_damaged_configuration(here, inputs):
    save_checkpoint(inputs.reference, here / "model")
    (here / "model/config.json").write_text("[]")
    with pytest.raises(UserError, match="not a model that can be loaded"):
        load_reference(here / "model")


# --- From Python ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (np.arange(64), "must be texts, or an array of integers"),
        (np.ones((2, 64)), "must be texts, or an array of integers"),
        (np.ones((2, 64), bool), "must be texts, or an array of integers"),
        (np.ones((2, 64, 1), int), "must be texts, or an array of integers"),
        ([[1] * 64, [2] * 64], r"pass lists of tokens as np.array\(lists\)"),
        ([TEXT * 4, None], "must be texts"),
        (TEXT * 4, "must be texts"),
    ],
)
def test_sequences_that_are_none(sequences, message, sources):
    with pytest.raises(UserError, match=message):
        features_of(sequences, sources)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": [3, 3]}, "index 3 is there twice"),
        ({"index": [3, -1]}, "index -1; must not be negative"),
        ({"index": [3]}, r"index: int64 \[1\]; must be integers \[2\]"),
        ({"index": [3.5, 4]}, r"index: float64 \[2\]; must be integers \[2\]"),
        ({"index": ["a", "b"]}, "must be integers"),
        ({"index": np.array([1, 2**63 + 1], np.uint64)}, f"index {2**63 + 1}; must be at most"),
        ({"corpus_row": [3]}, r"corpus_row: int64 \[1\]; must be integers \[2\]"),
        ({"corpus_row": [[0, 1]]}, r"corpus_row: int64 \[1, 2\]"),
        ({"corpus_row": [0.0, 1.0]}, "corpus_row: float64"),
    ],
)
def test_numbers_of_sequences_that_are_wrong(options, message, sources):
    for short in ("error", "drop", "null"):
        with pytest.raises(UserError, match=message):
            features_of([TEXT * 4, TEXT * 5], sources, short=short, **options)


def test_no_sequences(sources):
    assert len(features_of([], sources, index=[], corpus_row=[])) == 0
    assert len(features_of(np.zeros((0, 64), int), sources)) == 0


def test_a_mistake_is_told_in_one_line(here):
    (here / "out.parquet").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "memorization.features", "in.parquet", "out.parquet"],
        capture_output=True,
        text=True,
        cwd=here,
    )
    assert done.returncode == 1
    assert done.stderr == "error: out.parquet: a folder; name the Parquet file to write\n"
