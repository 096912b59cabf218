"""Tokenizers of every kind: what their tokens are as bytes, and that numbers do not matter."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from memorization.errors import UserError
from memorization.features import Sources, features_of
from memorization.features.own.corpus import read_corpus
from memorization.features.vocabulary import Vocabulary, bytes_tokenizer

TEXT = "the naïve café in Zürich, the cat sat on the mat; 64 cats sat"


def sentencepiece(model, trainer):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator([TEXT] * 20, trainer)
    return tokenizer


def unigram():
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    return sentencepiece(models.Unigram(), trainer)


def fallback():
    """SentencePiece-like BPE, which writes what it has no token of as bytes."""
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"thecason"]
    merges = [("t", "h"), ("▁", "th"), ("▁th", "e")]
    vocabulary = {name: i for i, name in enumerate([*names, *("".join(pair) for pair in merges)])}
    model = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 20, trainer)
    return tokenizer


@pytest.mark.parametrize("kind", [unigram, fallback, wordpiece, bytes_tokenizer])
def test_the_bytes_of_tokens_are_the_text(kind):
    vocabulary = Vocabulary(kind())
    tokens, lengths = vocabulary.encode([TEXT, "", TEXT])
    assert lengths[1] == 0
    assert lengths[0] == lengths[2] == len(tokens) // 2
    numbers = vocabulary.numbers(tokens)
    assert (numbers > 0).all()
    written = b"".join(vocabulary.pieces(numbers[: lengths[0]])).decode()
    assert written.removeprefix(" ") == TEXT
    own = features_of([TEXT * 9], Sources(kind()), families=["surface", "repetition"])
    assert np.isfinite(own.to_numpy()).all()


def renumbered(tokenizer, number):
    """Return a tokenizer whose token i of the given one is number[i]."""
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    state["model"]["vocab"] = {name: int(number[i]) for name, i in vocabulary.items()}
    for token in state["added_tokens"]:
        token["id"] = int(number[token["id"]])
    return Tokenizer.from_str(json.dumps(state))


@pytest.mark.parametrize("kind", ["end last", "beyond 16 bits", "large"])
def test_features_do_not_depend_on_the_numbers_of_tokens(kind, tokenizer, inputs, tmp_path):
    number = {
        "end last": np.append(279, np.arange(279)),
        "beyond 16 bits": np.arange(280) * 999,
        "large": np.arange(280) * 50_000,
    }[kind]
    other = renumbered(tokenizer, number)
    np.save(tmp_path / "own.npy", inputs.windows)
    np.save(tmp_path / "other.npy", number[inputs.windows])
    tables = []
    # Of the last sequence the corpus lacks tokens.
    tokens = np.append(inputs.tokens, [[5] * 9 + [6] * 9 + list(range(46))], axis=0)
    rows = np.where(inputs.windows >= 250, 249, inputs.windows)
    np.save(tmp_path / "own.npy", rows)
    np.save(tmp_path / "other.npy", number[rows])
    for own, of, name in ((tokenizer, tokens, "own"), (other, number[tokens], "other")):
        corpus = read_corpus(tmp_path / f"{name}.npy", Vocabulary(own))
        assert corpus.windows.dtype == np.uint16
        assert (corpus.ids is None) == (kind == "end last" or name == "own")
        sources = Sources(own, corpus.windows, corpus_ids=corpus.ids)
        tables.append(features_of(of, sources, ("text", "corpus")))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    if kind == "end last":  # a model knows the tokenizer's own numbers
        by_model = (
            features_of(number[tokens], Sources(own, None, inputs.reference), ("reference",))
            for own in (tokenizer, other)
        )
        pd.testing.assert_frame_equal(*by_model, check_exact=True)
    else:
        with pytest.raises(UserError, match="pass corpus_ids"):
            features_of(of, Sources(other, corpus.windows), ("corpus",))
    text = "the cat sat on the mat, the naïve café in Zürich"
    pd.testing.assert_frame_equal(
        *(features_of([text, text * 9], Sources(own)) for own in (tokenizer, other))
    )


def test_a_corpus_of_too_many_different_tokens(tmp_path):
    names = {f"w{i}": i for i in range(70_000)}
    vocabulary = Vocabulary(Tokenizer(models.WordLevel(names, unk_token="w0")))
    # End-of-text, which this tokenizer lacks, is one more.
    np.save(tmp_path / "corpus.npy", np.resize(np.arange(65_472), (1023, 64)))
    with pytest.raises(UserError, match="65,473 different tokens in this corpus; at most 65,472"):
        read_corpus(tmp_path / "corpus.npy", vocabulary)
    np.save(tmp_path / "corpus.npy", np.resize(np.arange(65_471), (1023, 64)))
    corpus = read_corpus(tmp_path / "corpus.npy", vocabulary)
    assert len(corpus.ids) == 65_472


def test_a_text_of_megabytes_is_cut_and_whole(tokenizer):
    line = "the cat sat on the mat, the naïve café\n"
    vocabulary = Vocabulary(tokenizer)
    one = vocabulary.encode([line])[0]
    n = 2_500_000 // len(line)
    tokens, lengths = vocabulary.encode(["a", line * n, ""])
    assert lengths.tolist()[1:] == [n * len(one), 0]
    assert (tokens[1:].reshape(n, -1) == one).all()
    first, lengths = vocabulary.encode([line * n], first=True)
    assert first.tolist() == np.resize(one, 64).tolist()
    assert lengths.tolist() == [64]
