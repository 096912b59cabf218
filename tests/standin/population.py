"""The training data of the stand-in's models: real text, some of it many times over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from memorization.suite.micro.corpus import Document, read_corpus, train_tokenizer

CORPUS = Path(__file__).parents[2] / "corpus" / "corpus.tar.xz"
SEQUENCE = 64
END_OF_TEXT = 0


@dataclass(frozen=True)
class Text:
    """What training rows are cut from.

    Attributes
    ----------
    documents : in random order.
    tokenizer : trained on them.
    tokens : uint16, of all documents, each ended by end-of-text.
    """

    documents: list[Document]
    tokenizer: Tokenizer
    tokens: np.ndarray


def make_text(characters: int, vocabulary: int, rng: np.random.Generator) -> Text:
    """Return a part of the shipped corpus, of about so many characters."""
    documents = _some_documents(characters, rng)
    tokenizer = train_tokenizer(documents, vocabulary)
    encodings = tokenizer.encode_batch([document.text for document in documents])
    parts = [np.array([*encoding.ids, END_OF_TEXT], np.uint16) for encoding in encodings]
    return Text(documents, tokenizer, np.concatenate(parts))


def some_sequences(text: Text, n: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Return runs of tokens from anywhere in the text, uint16 [n, length]."""
    starts = rng.integers(0, len(text.tokens) - length, n)
    return text.tokens[starts[:, None] + np.arange(length)]


def make_rows(
    text: Text,
    shape: tuple[int, int],
    passages: np.ndarray,
    repeated: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return training data in which some passages begin many rows, uint16 [population, window].

    Parameters
    ----------
    passages : uint16 [k, 64]; the k-th begins about 1/√k times as many rows as the first.
    repeated : share of the rows that begin with one of them.
    """
    rows = some_sequences(text, *shape, rng)
    frequency = np.arange(1, len(passages) + 1) ** -0.5
    chosen = rng.permutation(len(rows))[: round(repeated * len(rows))]
    which = rng.choice(len(passages), len(chosen), p=frequency / frequency.sum())
    rows[chosen, :SEQUENCE] = passages[which]
    return rows


def _some_documents(characters: int, rng: np.random.Generator) -> list[Document]:
    """Return documents of all domains in random order, up to a number of characters."""
    corpus = read_corpus(CORPUS)
    chosen, total = [], 0
    for place in rng.permutation(len(corpus)):
        # Some are books; they would leave no room for others.
        document = corpus[place]
        document = Document(document.name, document.domain, document.text[:20_000])
        chosen.append(document)
        total += len(document.text)
        if total >= characters:
            break
    return chosen
