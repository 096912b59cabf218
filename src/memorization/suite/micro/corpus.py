"""The corpus: from the shipped archive to documents, their tokenizer and the training windows."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from memorization.errors import UserError
from memorization.randomness import generator

END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class Document:
    """One file of the corpus: its member name in the archive, its domain and its whole text."""

    name: str
    domain: str
    text: str


def read_corpus(path: str | Path) -> list[Document]:
    """Return the documents of a corpus archive, in its order: UTF-8 texts ``domain/…/file``.

    Raises
    ------
    UserError
        If the archive is damaged or empty, or a member is not a UTF-8 text in a domain's folder.
    """
    documents: list[Document] = []
    try:
        with tarfile.open(path, "r:xz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                domain, slash, file = member.name.partition("/")
                if stream is None or not (domain and slash and file) or domain in (".", ".."):
                    raise UserError(
                        f"{path}: the member '{member.name}' is not a file in a domain's folder; "
                        "every member must be called domain/…/file."
                    )
                text = stream.read().decode("utf-8")
                documents.append(Document(member.name, domain, text))
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise UserError(
            f"{path}: the corpus archive is damaged ({error}). Restore it from version control, or "
            "rebuild it: python corpus/harvest.py"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: the member '{member.name}' is not UTF-8 ({error}).") from error
    if not documents:
        raise UserError(f"{path}: the corpus archive holds no documents.")
    return documents


def train_tokenizer(documents: Sequence[Document], vocabulary: int) -> Tokenizer:
    """Return a byte-level BPE tokenizer trained on the documents; end-of-text is token 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((document.text for document in documents), trainer)
    return tokenizer


def training_windows(
    documents: Sequence[Document],
    tokenizer: Tokenizer,
    window: int,
    n_windows: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the training data in training order, uint16 [n_windows, window], and their origins.

    Documents are taken in the order of the archive, so that those of one source lie side by side:
    if they were shuffled one by one, windows that hold the end of one text and the beginning of
    another would link all texts into one. Each is followed by end-of-text, and the stream is cut
    into windows. Which of them are trained on is the same whatever the seed; the order in which
    they are is drawn from ``rng``. The origins are as in `MicroSuite.documents`, a row a window.

    Raises
    ------
    UserError
        If the corpus has fewer windows than asked for.
    """
    # The text of a special token inside a document must stay text: it must not end the document.
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    encodings = plain.encode_batch_fast([document.text for document in documents])
    lengths = np.array([len(encoding.ids) + 1 for encoding in encodings])
    stream = np.zeros(lengths.sum(), dtype=np.uint16)  # 0 is end-of-text
    ends = np.cumsum(lengths)
    for encoding, end, length in zip(encodings, ends, lengths, strict=True):
        stream[end - length : end - 1] = encoding.ids
    available = len(stream) // window
    if n_windows > available:
        raise UserError(
            f"suite.training: steps × sequences_per_step = {n_windows:,} windows of {window} "
            f"tokens; the corpus has {available:,}: train for fewer steps or on smaller windows"
        )
    # Of no seed, so that runs of several seeds are about the same windows.
    trained_on = np.sort(generator(0, "windows trained on").permutation(available)[:n_windows])
    chosen = rng.permutation(trained_on)
    place = np.searchsorted(ends, chosen * window, side="right")
    domains = np.array([document.domain for document in documents], dtype=object)
    origins = pd.DataFrame(
        {
            "index": np.arange(n_windows),
            "domain": domains[place],
            "document": place,
            "offset": chosen * window - (ends - lengths)[place],
            "length": lengths[place],
            "place": chosen * window,
        }
    )
    return stream[: available * window].reshape(available, window)[chosen], origins
