"""The corpus: from the shipped archive to documents, their tokenizer and the training windows."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from memorization.counting.runs import run_hashes
from memorization.errors import UserError
from memorization.randomness import generator

# Windows that share so many tokens in a row share text, as in the candidates for the arm.
SHARED_TOKENS = 16
END_OF_TEXT = "<|endoftext|>"
# Stands for the domain of a window of the randomised arm, which holds two texts.
ARM_DOMAIN = "arm"


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
        # Unpacked whole, since the checksum that tells a damaged archive stands at its end.
        with (
            lzma.open(path) as packed,
            tarfile.open(fileobj=io.BytesIO(packed.read()), mode="r:") as archive,
        ):
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


def cut_windows(
    documents: Sequence[Document], tokenizer: Tokenizer, window: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the stream of all documents cut into windows, uint16 [W, window], and their origins.

    The stream is the documents in the archive's order, each followed by end-of-text; what is left
    after the last whole window is dropped. No seed touches it, so a window is the same text for
    all seeds, and documents of one source, which the archive keeps together, stay together.

    The origins have a row a window: ``window``, its number in the stream, and of the document that
    holds its first token ``domain``, ``document``, ``offset``, ``length`` and ``place``, as in
    `MicroSuite.documents`.
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
    place = np.arange(available) * window
    document = np.searchsorted(ends, place, side="right")
    domains = np.array([document.domain for document in documents], dtype=object)
    origins = pd.DataFrame(
        {
            "window": np.arange(available),
            "domain": domains[document],
            "document": document,
            "offset": place - (ends - lengths)[document],
            "length": lengths[document],
            "place": place,
        }
    )
    return stream[: available * window].reshape(available, window), origins


def natural_windows(windows: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows to train on, int64 [wanted] ascending, and the others in a fixed order.

    Those that share a run of `SHARED_TOKENS` tokens with another window come first, so that what
    recurs in the corpus recurs as often in training, and what is held out is text that occurs once.
    Within the two kinds they are drawn from a stream that no seed touches: every seed trains on the
    same windows and holds out the same, so that a text is memorized "in k of five seeds".

    Parameters
    ----------
    windows : uint16 [W, T], all windows of the corpus.

    Raises
    ------
    UserError
        If the corpus has fewer windows than asked for.

    >>> windows = np.arange(80).reshape(4, 20)
    >>> windows[3, 2:18] = windows[1, :16]
    >>> trained, held_out = natural_windows(windows, 3)
    >>> bool({1, 3} < set(trained.tolist())), sorted({*trained.tolist(), *held_out.tolist()})
    (True, [0, 1, 2, 3])
    """
    if wanted > len(windows):
        raise UserError(
            f"suite.training: steps × sequences_per_step asks for {wanted:,} windows of text; the "
            f"corpus has {len(windows):,}: train for fewer steps or on smaller windows"
        )
    order = generator(0, "natural windows").permutation(len(windows))
    order = order[np.argsort(~shares_text(windows)[order], kind="stable")]
    return np.sort(order[:wanted]), order[wanted:]


def shares_text(windows: np.ndarray) -> np.ndarray:
    """Return which windows, integers [W, T], share a run of 16 tokens with another, bool [W]."""
    hashes = run_hashes(windows, min(SHARED_TOKENS, windows.shape[1]))
    row = np.repeat(np.arange(len(windows)), hashes.shape[1])
    _, run = np.unique(hashes.ravel(), return_inverse=True)
    # A run that recurs within one window is held by that window alone.
    least, most = np.full(run.max() + 1, len(windows)), np.zeros(run.max() + 1, dtype=np.int64)
    np.minimum.at(least, run, row)
    np.maximum.at(most, run, row)
    return np.asarray((least < most)[run].reshape(hashes.shape).any(axis=1))


def training_order(natural: np.ndarray, arm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return which window is trained on at each position, int64 [n]; -1 for those of the arm.

    Parameters
    ----------
    natural : int64 [m], the windows to train on; their order is drawn.
    arm : int64 [n - m], the positions that the arm takes.
    """
    order = np.full(len(natural) + len(arm), -1)
    is_natural = np.ones(len(order), bool)
    is_natural[arm] = False
    order[is_natural] = rng.permutation(natural)
    return order


def origins_in_order(origins: pd.DataFrame, order: np.ndarray) -> pd.DataFrame:
    """Return `MicroSuite.documents`: the origin of what is trained on at each position.

    Parameters
    ----------
    origins : as from `cut_windows`.
    order : as from `training_order`.
    """
    table = origins.iloc[np.maximum(order, 0)].reset_index(drop=True)
    of_arm = order < 0
    table.loc[of_arm, ["window", "document", "place"]] = -1
    table.loc[of_arm, ["offset", "length"]] = 0
    table.loc[of_arm, "domain"] = ARM_DOMAIN
    table.insert(0, "index", np.arange(len(order)))
    return table
