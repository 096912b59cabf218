"""Features of one's own sequences, from Python, against those of the pipeline's way in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.errors import UserError
from memorization.features import FAMILIES, Sources, compute_features, feature_of, features_of
from memorization.features.lengths import least_tokens
from memorization.features.vocabulary import Vocabulary, well_formed

TEXT = "the naïve café in Zürich, 😀 the cat sat on the mat; "
TIERS = ("text", "corpus", "reference")


def test_three_tiers_are_those_of_the_pipeline(inputs, sources):
    found = features_of(inputs.tokens, sources, TIERS, index=inputs.index, corpus_row=inputs.rows)
    unknown = dataclasses.replace(inputs, domain=np.full(12, None, dtype=object))
    whole = compute_features(unknown, list(FAMILIES))
    assert {feature_of(name).tier for name in found.columns[1:]} == set(TIERS)
    pd.testing.assert_frame_equal(found, whole[found.columns], rtol=1e-5)
    # What only a suite knows is left out.
    left_out = {name.partition(".")[0] for name in whole if name not in set(found)}
    assert left_out == {"sibling", "position", "exposure", "duplication"}


def test_texts_and_their_tokens_are_the_same_alone_and_together(sources, tokenizer):
    texts = [TEXT * 3, TEXT[5:] * 9, "ab " * 40]
    ids = [tokenizer.encode(text).ids for text in texts]
    assert min(map(len, ids)) >= 64
    by_text = features_of(texts, sources, TIERS)
    by_token = features_of(np.array([own[:64] for own in ids]), sources, TIERS)
    pd.testing.assert_frame_equal(by_text, by_token, check_exact=True)
    alone = [features_of([text], sources, TIERS, index=[k]) for k, text in enumerate(texts)]
    pd.testing.assert_frame_equal(by_text, pd.concat(alone, ignore_index=True), rtol=1e-5)


def test_odd_texts(sources, tokenizer):
    texts = ["😀" * 64, "\ud83d" * 64, " " * 999, "\0" * 64, "a" * 10**6, "<|endoftext|>" * 64]
    assert np.isfinite(features_of(texts, sources, TIERS).to_numpy()).all()
    # Text that writes end-of-text is text: no document ends.
    assert (Vocabulary(tokenizer).encode(texts)[0] != 0).all()


@pytest.mark.parametrize("length", [0, 1, 5, 16, 17, 32, 33, 34, 63])
def test_a_short_sequence_has_the_features_of_the_tokens_that_are_there(length, sources, inputs):
    """Each is what its family computes of as many tokens, and nothing else is there."""
    lists = [*inputs.tokens[:4], *inputs.tokens[4:8, :length], *inputs.tokens[8:]]
    found = features_of(lists, sources, TIERS)
    full = features_of(inputs.tokens, sources, TIERS)
    rest = [0, 1, 2, 3, 8, 9, 10, 11]
    pd.testing.assert_frame_equal(found.loc[rest], full.loc[rest], rtol=1e-5)
    short = found.loc[4:7]
    defined = {name for name in found.columns[1:] if least_tokens(name) <= length}
    assert {name for name in found.columns[1:] if short[name].notna().any()} == defined
    families = list(dict.fromkeys(name.partition(".")[0] for name in found if name in defined))
    assert bool(families) == (length > 0)
    cut = dataclasses.replace(
        inputs,
        **{name: getattr(inputs, name)[4:8] for name in ("index", "domain", "step")},
        **dict.fromkeys(("context", "offset", "document_length", "epoch", "duplicates")),
        tokens=np.ascontiguousarray(inputs.tokens[4:8, :length]),
        windows=inputs.windows[:0],
        rows=np.full(4, -1),
    )
    own = compute_features(cut, families) if families else {}
    for name in defined:
        assert short[name].to_numpy() == pytest.approx(own[name].to_numpy(), rel=1e-5)


def test_what_a_short_text_says_nothing_of(sources):
    """Of a text that ends with its prompt, nothing of a continuation; of all, no share of none."""
    table = features_of(["a" * 20, "a" * 40], sources, TIERS)
    for name in table.columns[1:]:
        values = table[name].to_numpy()
        if "continuation" in name or "added" in name or name.startswith("ngram"):
            assert np.isnan(values[0]), name
    assert table["repetition.sequence_period"].tolist() == [1, 1]
    assert table["surface.character_count"].tolist() == [20, 40]
    assert table["position.end_of_text"].tolist() == [20, 40]
    assert table.filter(regex=r"^(duplication|frequency|infinigram)\.").isna().all(axis=None)
    assert np.isnan(table.loc[0, "surprisal.mean"])
    assert np.isfinite(table.loc[1, "surprisal.mean"])


@pytest.mark.parametrize("text", ["", "a", "the cat"])
def test_short_texts_can_be_left_out_or_refused(text, sources, tokenizer):
    texts = [TEXT * 3, text, TEXT * 4]
    length = len(tokenizer.encode(text).ids)
    with pytest.raises(UserError, match=rf"sequence 1: {length} tokens.*'keep'.*'drop'"):
        features_of(texts, sources, short="error")
    dropped = features_of(texts, sources, short="drop")
    assert dropped["index"].tolist() == [0, 2]
    kept = features_of(texts, sources)
    pd.testing.assert_frame_equal(kept.loc[[0, 2]].reset_index(drop=True), dropped)
    # None that is long enough: the same columns.
    nothing = features_of([text], sources, short="drop")
    assert (len(nothing), list(nothing)) == (0, list(dropped))


@settings(deadline=None)
@given(st.lists(st.text(st.characters(), max_size=300), max_size=4))
def test_any_text_becomes_tokens_that_decode_to_it(tokenizer, texts):
    tokens, lengths = Vocabulary(tokenizer).encode(texts)
    assert len(lengths) == len(texts)
    for text, own in zip(texts, np.split(tokens, np.cumsum(lengths)), strict=False):
        plain = well_formed(text)
        plain.encode()
        if not any("\ud800" <= character <= "\udfff" for character in text):
            assert plain == text
        if "<" not in text:
            assert own.tolist() == tokenizer.encode(plain).ids


def test_a_long_document_is_cut_where_it_changes_nothing(tokenizer, monkeypatch):
    monkeypatch.setattr("memorization.features.vocabulary.PIECE", 40)
    text = "the cat\n\n  sat on\nthe mat " * 20
    pieces = list(Vocabulary(tokenizer).documents([text]))
    assert len(pieces) > 5
    assert np.concatenate(pieces).tolist() == [*tokenizer.encode(text).ids, 0]


def test_counts_are_of_the_sequence_and_its_other_occurrences(sources, inputs):
    """Rows 3 to 6 of the corpus are the same; a text of one's own is one copy more."""
    copied, other = inputs.tokens[3:4], (inputs.tokens[:1] + 1) % 280
    known = features_of(copied, sources, ("corpus",), corpus_row=np.array([3]))
    assert known["duplication.sequence_count"].tolist() == [4]
    found = features_of(np.concatenate([copied, other]), sources, ("corpus",))
    assert found["duplication.sequence_count"].tolist() == [5, 1]


def test_rows_known_of_some_sequences_only(inputs, tokenizer):
    """Where rows end with the sequence counts do not differ, where they go on they would."""
    some = np.where(inputs.rows < 9, inputs.rows, -1)
    long, short = inputs.windows, np.ascontiguousarray(inputs.windows[:, :64])
    with pytest.raises(UserError, match="corpus_row must be known for all sequences or for none"):
        features_of(inputs.tokens, Sources(tokenizer, long), ("corpus",), corpus_row=some)
    found = features_of(inputs.tokens, Sources(tokenizer, short), ("corpus",), corpus_row=some)
    assert len(found) == 12
    # They matter to the tier of the corpus only.
    plain = features_of(inputs.tokens, Sources(tokenizer))
    wrong = features_of(inputs.tokens, Sources(tokenizer), corpus_row=inputs.rows + 99)
    pd.testing.assert_frame_equal(wrong, plain)


@pytest.mark.parametrize("row", [10**6, 40, -7, 8])
def test_a_row_of_the_corpus_that_begins_otherwise(row, inputs, sources):
    index, own = np.arange(10, 60, 10), np.append(inputs.rows[:4], row)
    with pytest.raises(UserError, match=f"index 50: corpus_row {row}, but of the corpus's 40 rows"):
        features_of(inputs.tokens[:5], sources, ("corpus",), index=index, corpus_row=own)


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
        ({"index": [3, 3]}, "index 3 is there twice"),
        ({"index": [3, -1]}, "index -1; must not be negative"),
        ({"index": [3]}, r"index: int64 \[1\]; must be integers \[2\]"),
        ({"index": [3.5, 4]}, r"index: float64 \[2\]; must be integers \[2\]"),
        ({"index": ["a", "b"]}, "must be integers"),
        ({"index": np.array([1, 2**63 + 1], np.uint64)}, f"index {2**63 + 1}; must be at most"),
        ({"corpus_row": [[0, 1]]}, r"corpus_row: int64 \[1, 2\]; must be integers \[2\]"),
        ({"corpus_row": [0.0, 1.0]}, "corpus_row: float64"),
    ],
)
def test_what_cannot_be_computed_is_said(options, message, tokenizer):
    for short in ("error", "drop", "keep"):
        with pytest.raises(UserError, match=message):
            features_of([TEXT * 4, TEXT * 5], Sources(tokenizer), short=short, **options)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (np.arange(64), "must be texts, lists of integers"),
        (np.ones((2, 64)), "must be texts, lists of integers"),
        (np.ones((2, 64), bool), "must be texts, lists of integers"),
        (np.ones((2, 64, 1), int), "must be texts, lists of integers"),
        ([[1] * 64, [2.5] * 64], "must be texts, lists of integers"),
        ([[1] * 64, [True] * 64], "must be texts, lists of integers"),
        ([TEXT * 4, None], "must be texts"),
        (TEXT * 4, "must be texts"),
        (np.full((2, 64), 300), "token 300: the tokenizer knows tokens 0 to 279"),
        (np.full((2, 64), 2**40 + 1), f"token {2**40 + 1}: the tokenizer"),
    ],
)
def test_sequences_that_are_none(sequences, message, sources):
    with pytest.raises(UserError, match=message):
        features_of(sequences, sources)


def test_no_sequences(sources):
    assert len(features_of([], sources, index=[], corpus_row=[])) == 0
    assert len(features_of(np.zeros((0, 64), int), sources)) == 0
