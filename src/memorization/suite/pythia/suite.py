"""The Pythia suite on disk: labels of the target and of smaller models, a sample of the text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.protocol import SEQUENCE
from memorization.suite.suite import Suite


@dataclass(frozen=True)
class PythiaSuite(Suite):
    """What was published of Pythia. Besides what every suite has::

    sample/index.npy           int64 [m], sorted: a uniform sample of the population
    sample/tokens.npy          uint16 [m, 64]: its sequences
    sample/equal.npy           uint8 [m, models]: of 32 tokens, those that each model generates
                               right, of all models with published labels
    evals/MODEL.stepK.parquet  published evaluations of earlier checkpoints
    corpus.npy                 uint16 [N, T]: rows to count over, unless these are the sample
    corpus_index.npy           int64 [N], sorted: which training rows these are, where that is
                               known; unless they are all rows, their sequences are not studied
    counts/duplicates.npy      uint32 [population]: published counts of each continuation, by param
    counts/tokens.npy          int64 [V]: published counts of each token, by param

    Of the models only the reference is there, at its last checkpoint. A target that is one of
    several runs has no published labels; those of its size's first release choose what is studied.
    """

    @property
    def labelled(self) -> list[str]:
        """The models whose labels were published; those of the last choose what is studied."""
        return self.manifest["labelled"]

    @property
    def runs(self) -> dict[str, str]:
        """Run -> repository, of all runs of the target's size; nothing where there is one."""
        return self.manifest["runs"]

    @cached_property
    def pool(self) -> np.ndarray:
        """The published random sample, int64 [m], sorted."""
        return np.load(self.folder / "sample" / "index.npy", mmap_mode="r")

    @cached_property
    def _pool_tokens(self) -> np.ndarray:
        return np.load(self.folder / "sample" / "tokens.npy", mmap_mode="r")

    def evaluations(self, model: str) -> dict[int, np.ndarray]:
        """Return step -> ``index`` of each sequence memorized then, sorted, as was published.

        An evaluation covers the sequences that were seen by then,
        ``index < sequences_per_step · step``; that of the last step covers all. Of a model without
        published labels there is none.
        """
        if model not in self.labelled:
            return {}
        found = {self.steps[-1]: self.memorized(model)}
        for path in (self.folder / "evals").glob(f"{model}.step*.parquet"):
            step = int(path.stem.rpartition(".step")[2])
            found[step] = parquet.read_table(path, columns=["index"])["index"].to_numpy()
        return dict(sorted(found.items()))

    def tokens(self, index: np.ndarray) -> np.ndarray:
        """Return the sequences, int32 [n, 64].

        Raises
        ------
        UserError
            If one is neither in the random sample nor memorized by any model.
        """
        tokens = np.empty((len(index), SEQUENCE), np.int32)
        rows = self._pool_rows(index)
        known = rows >= 0
        tokens[known] = self._pool_tokens[rows[known]]
        for model in reversed(self.labelled):
            missing = np.flatnonzero(~known)
            if not len(missing):
                break
            places, found = _look_up(self.folder / "evals" / f"{model}.parquet", index[missing])
            tokens[missing[places]] = found
            known[missing[places]] = True
        if not known.all():
            raise UserError(
                f"index {index[~known][0]}: its tokens are not known; they are for the published "
                "random sample and for what the target or a smaller model has memorized"
            )
        return tokens

    def equal_tokens(self, model: str, index: np.ndarray) -> np.ndarray:
        """Return how many of the 32 tokens a labelled model generates right, as was published.

        int [n]; -1 of sequences outside the random sample, of which it is not known.
        """
        rows = self._pool_rows(index)
        equal = np.load(self.folder / "sample" / "equal.npy", mmap_mode="r")
        known = equal[rows, self.manifest["scored"].index(model)].astype(np.int64)
        return np.where(rows >= 0, known, -1)

    def domains(self, index: np.ndarray) -> np.ndarray:
        """Return None for each sequence: no names of the Pile's parts survive tokenization."""
        return np.full(len(index), None, dtype=object)

    @cached_property
    def corpus(self) -> np.ndarray:
        """A sample of the training text, uint16 [N, T]."""
        path = self.folder / "corpus.npy"
        return np.load(path, mmap_mode="r") if path.exists() else self._pool_tokens

    def corpus_rows(self, index: np.ndarray) -> np.ndarray:
        """Return the corpus row that begins with each sequence, -1 where none does.

        Where the corpus is text tokenized here, it is not known which: -1 for all.
        """
        if not (self.folder / "corpus.npy").exists():
            return self._pool_rows(index)
        path = self.folder / "corpus_index.npy"
        return _places(np.load(path), index) if path.exists() else np.full(len(index), -1)

    @property
    def not_studied(self) -> np.ndarray:
        """The sequences whose training rows are in the corpus, when that is a sample of such rows.

        The rows are drawn whatever their text, so what is left to study is a uniform sample of the
        population; leaving the studied rows out of the corpus instead would take the texts of
        memorized sequences out of it more often than others.
        """
        path = self.folder / "corpus_index.npy"
        index = np.load(path) if path.exists() else np.empty(0, np.int64)
        return index if len(index) < self.population else index[:0]

    def context(self, index: np.ndarray) -> np.ndarray | None:
        """Return each sequence's whole training row, uint16 [n, 2049]; None unless asked for.

        Rows are fetched from the hub when first asked for, and kept.

        Raises
        ------
        UserError
            If they are not there yet and the hub fails, or do not begin with their sequences.
        """
        source = self.manifest["context"]
        if source is None:
            return None
        # Here, because it brings the hub's client, which other stages need not wait for.
        from memorization.suite.hub import Repository
        from memorization.suite.pythia.corpus import cached_rows

        repository = Repository("dataset", source["repository"], source["commit"])
        window, tokens = self.manifest["window"], self.tokens(index)
        return cached_rows(repository, index, window, self.population, tokens)

    def run_steps(self, run: str, index: np.ndarray) -> np.ndarray | None:
        """Return in which step a run was trained on each sequence, int32 [n]; 0 in none.

        None unless asked for. The order's maps are fetched from the hub when first asked for, and
        kept. ``index`` is the order of the first run.

        Raises
        ------
        UserError
            If they are not there yet and the hub fails, or they are not what they should be.
        """
        source = self.manifest["order"]
        if source is None:
            return None
        from memorization.suite.hub import Repository
        from memorization.suite.pythia.order import read_order, steps_in

        repository = Repository("dataset", source["repository"], source["commit"])
        own, first = (name.rpartition("-")[2] for name in (run, next(iter(self.runs))))
        return steps_in(
            read_order(repository, own),
            read_order(repository, first),
            index,
            self.tokens(index),
            self.population,
            self.sequences_per_step,
        )

    def epoch(self, index: np.ndarray) -> np.ndarray | None:
        """Return 0 of the sequences seen in the first pass over the data, 1 of later ones."""
        last = self.manifest["first_epoch"]
        if last is None:
            return None
        return (index // self.sequences_per_step + 1 > last).astype(np.int64)

    def published_duplicates(self, index: np.ndarray) -> np.ndarray | None:
        """Return how often each continuation occurs in all of the training data, int64 [n].

        Its 32 tokens, at any offset of any row, itself included; None unless asked for.
        """
        path = self.folder / "counts" / "duplicates.npy"
        return np.load(path, mmap_mode="r")[index].astype(np.int64) if path.exists() else None

    def published_token_counts(self) -> np.ndarray | None:
        """Return how often each token occurs in all of the training data, int64 [V], or None."""
        path = self.folder / "counts" / "tokens.npy"
        return np.load(path) if path.exists() else None

    def _pool_rows(self, index: np.ndarray) -> np.ndarray:
        return _places(np.asarray(self.pool), index)


def _look_up(path: Path, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of those wanted sequences that a sorted table has, and their tokens."""
    places, tokens = [np.empty(0, np.int64)], [np.empty((0, SEQUENCE), np.uint16)]
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches():
            rows = _places(batch["index"].to_numpy(), wanted)
            found = np.flatnonzero(rows >= 0)
            flat = batch["tokens"].flatten().to_numpy()
            places.append(found)
            tokens.append(flat.reshape(-1, SEQUENCE)[rows[found]])
    return np.concatenate(places), np.concatenate(tokens)


def _places(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each wanted number is in a sorted array, int64 [n]; -1 where it is not."""
    if not len(known):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1)
