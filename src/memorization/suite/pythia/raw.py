"""Text of the Pile to count over: streamed, tokenized and packed into rows here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.progress import progress
from memorization.suite.hub import Repository
from memorization.suite.hub.patience import within
from memorization.suite.pythia.arrays import writing

# Documents that are tokenized together, between two points from which an interrupted run goes on.
BATCH = 256
END_OF_TEXT = 0

# Seconds in which a batch of documents must come; a block of the stream is 5 MB.
PATIENCE_SECONDS = 25


def fetch_raw(
    repository: Repository, tokenizer: Tokenizer, shape: tuple[int, int], path: Path
) -> dict[str, Any]:
    """Write rows of tokenized text, uint16 [n, window] as ``.npy``; an interrupted run goes on.

    Documents follow each other in the order of the published files, which is random, each ended by
    end-of-text, and are cut into rows wherever these are full, as the training data were.

    Parameters
    ----------
    repository : files ``train/*.jsonl.zst`` with a ``text``.
    shape : rows wanted, and tokens a row; fewer rows when the text ends before.

    Raises
    ------
    UserError
        If the hub fails, or what it serves is no such text.
    """
    n, window = shape
    with (
        writing(path, shape) as file,
        progress("corpus", n * window, "tokens", file.done * window) as advance,
    ):
        state = file.state or {"documents": 0, "rest": []}
        rest = np.array(state["rest"], np.uint16)
        documents, passed = state["documents"], 0
        for texts in _in_time(_batches(stream_texts(repository)), repository):
            passed += len(texts)
            if passed <= documents:  # by an earlier run, in these very batches
                continue
            rows, rest = pack(np.concatenate([rest, tokenize(texts, tokenizer)]), window)
            rows = rows[: n - file.done]
            start, stop = file.done, file.done + len(rows)
            file.rows[start:stop] = rows
            documents = passed
            file.keep(stop, {"documents": documents, "rest": rest.tolist()})
            advance(rows.size)
            if stop == n:
                break
        if not file.done:
            raise UserError(f"{repository}: not enough text for a row of {window} tokens")
        return {"rows": file.done, "documents": documents}


def tokenize(texts: list[str], tokenizer: Tokenizer) -> np.ndarray:
    """Return documents as one run of tokens, uint16, each ended by end-of-text."""
    end = np.array([END_OF_TEXT], np.uint16)
    encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    parts = [part for document in encoded for part in (np.array(document.ids, np.uint16), end)]
    return np.concatenate(parts)


def pack(tokens: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return whole rows, [n, window], and the tokens that are left over.

    >>> rows, rest = pack(np.arange(7), 3)
    >>> rows.tolist(), rest.tolist()
    ([[0, 1, 2], [3, 4, 5]], [6])
    """
    n = len(tokens) // window
    return tokens[: n * window].reshape(n, window), tokens[n * window :]


def stream_texts(repository: Repository) -> Iterator[str]:
    """Yield the texts of a data set without storing it.

    Raises
    ------
    UserError
        If the hub fails, or what it serves is no such text.
    """
    import datasets

    try:
        with _few_retries():
            stream = datasets.load_dataset(
                repository.name,
                data_files={"train": "train/*.jsonl.zst"},
                split="train",
                streaming=True,
                revision=repository.commit,
            )
            for document in stream.select_columns(["text"]):
                yield document["text"]
    except Exception as error:  # of a dozen kinds, from four libraries
        reason = " ".join(str(error).split())[:200]
        raise _not_streamed(repository, reason) from None


def _in_time(batches: Iterator[list[str]], repository: Repository) -> Iterator[list[str]]:
    """Yield batches, or give up on a host from which nothing comes.

    The clients below try again for minutes, each layer for itself.
    """
    while True:
        try:
            batch = within(PATIENCE_SECONDS, lambda: next(batches, None))
        except httpx2.ReadTimeout:
            reason = f"nothing came in {PATIENCE_SECONDS} s"
            raise _not_streamed(repository, reason) from None
        if batch is None:
            return
        yield batch


def _not_streamed(repository: Repository, reason: str) -> UserError:
    return UserError(
        f"{repository}: the text cannot be streamed ({reason}); run the same command again to go "
        "on where it stopped, or set pythia.corpus to sample"
    )


@contextmanager
def _few_retries() -> Iterator[None]:
    """Let the ``datasets`` client give up on a dead host in seconds, not minutes."""
    from datasets import config

    changed = {
        "STREAMING_READ_MAX_RETRIES": 3,
        "STREAMING_READ_RETRY_INTERVAL": 2,
        "STREAMING_READ_SERVER_UNAVAILABLE_RETRY_INTERVAL": 5,
        "STREAMING_READ_RATE_LIMIT_RETRY_INTERVAL": 10,
        "HF_UPDATE_DOWNLOAD_COUNTS": False,
    }
    before = {name: getattr(config, name) for name in changed}
    for name, value in changed.items():
        setattr(config, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    texts = iter(texts)
    while batch := list(islice(texts, BATCH)):
        yield batch
