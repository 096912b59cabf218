"""The parts of the suite on disk, each fetched once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.files import replacing
from memorization.params import Params
from memorization.protocol import SEQUENCE
from memorization.randomness import generator
from memorization.suite.hub import Repository, download
from memorization.suite.pythia.arrays import save_array
from memorization.suite.pythia.counts import fetch_duplicates, fetch_token_counts
from memorization.suite.pythia.facts import Facts, split_name
from memorization.suite.pythia.labels import fetch_labels
from memorization.suite.pythia.pieces import Pieces
from memorization.suite.pythia.preshuffled import fetch_rows, open_preshuffled
from memorization.suite.pythia.raw import fetch_raw
from memorization.suite.pythia.repositories import Repositories
from memorization.suite.pythia.sample import fetch_sample


@dataclass(frozen=True)
class Parts:
    """What is fetched for a run, and from where.

    Attributes
    ----------
    params : of the study.
    facts : what was published.
    sources : the repositories.
    pieces : what has been fetched so far.
    """

    params: Params
    facts: Facts
    sources: Repositories
    pieces: Pieces

    @property
    def work(self) -> Path:
        """The folder that the suite is made in."""
        return self.pieces.work

    def labels(self) -> dict[str, dict[str, int]]:
        """Fetch what the target and all smaller models have memorized; return rows by split."""
        target, evals = self.params.target, self.sources.evals
        wanted: list[tuple[str, int | None]] = [(m.name, None) for m in self.facts.up_to(target)]
        wanted += [(target, step) for step in self.facts.evaluated.get(target, ())]
        found = {}
        for model, step in wanted:
            split = split_name(self.params.variant, model, step)
            file = f"evals/{model}.parquet" if step is None else f"evals/{model}.step{step}.parquet"

            def make(split: str = split, step: int | None = step, file: str = file) -> dict:
                return fetch_labels(evals, self.facts, split, step, self.work / file)

            found[split] = self.pieces.get(split, _of(evals), make, file)
        return found

    def tokenizer(self) -> Tokenizer:
        """Fetch and return the tokenizer."""
        model, place = self.sources.model, self.work / "tokenizer.json"

        def make() -> dict[str, Any]:
            path = download(model, "tokenizer.json")
            _read_tokenizer(path)
            with replacing(place) as partial:
                shutil.copyfile(path, partial)
            return {}

        self.pieces.get("tokenizer", _of(model), make, place.name)
        return _read_tokenizer(place)

    def reference(self, name: str) -> None:
        """Fetch the reference model and keep it in the layout that every suite has."""
        folder, model = f"{name}/step{self.facts.steps[-1]}", self.sources.model

        def make() -> dict[str, Any]:
            # Here, so that a run that needs no model does not wait for the libraries.
            from memorization.suite.checkpoints import save_checkpoint
            from memorization.suite.pythia.checkpoints import download_checkpoint, load_published

            loaded = load_published(download_checkpoint(model), self.facts.model(name))
            save_checkpoint(loaded, self.work / folder)
            return {}

        self.pieces.get("reference", _of(model), make, folder)

    def sample(self) -> dict[str, int]:
        """Fetch the random sample; return its numbers of rows and of sequences."""
        sample = self.sources.sample
        return self.pieces.get(
            "sample",
            _of(sample),
            lambda: fetch_sample(sample, self.facts, self.work / "sample"),
            "sample",
        )

    def corpus(self, n_sample: int, tokenizer: Tokenizer) -> dict[str, Any]:
        """Fetch the text to count over, unless it is the sample; return what it is."""
        kind, window = self.params.pythia.corpus, self.facts.window
        if kind == "sample":
            return {"source": kind, "rows": n_sample, "tokens": n_sample * SEQUENCE}
        n_rows = min(max(self.params.pythia.corpus_tokens // window, 1), self.facts.population)
        is_raw = kind == "raw"
        found = self._raw(n_rows, tokenizer) if is_raw else self._preshuffled(n_rows)
        return {"source": kind, **found, "tokens": found["rows"] * window}

    def _preshuffled(self, n_rows: int) -> dict[str, Any]:
        repository, facts = self.sources.preshuffled, self.facts
        assert repository is not None

        def make() -> dict[str, Any]:
            """Fetch a uniform random sample of whole training rows."""
            rng = generator(self.params.seed, "corpus")
            index = np.sort(rng.choice(facts.population, n_rows, replace=False))
            source = open_preshuffled(repository, facts.window, facts.population)
            fetch_rows(source, index, self.work / "corpus.npy", "corpus")
            save_array(index, self.work / "corpus_index.npy")
            return {"rows": n_rows}

        inputs = _of(repository) | {"rows": n_rows, "seed": self.params.seed}
        return self.pieces.get("corpus", inputs, make, "corpus.npy", "corpus_index.npy")

    def _raw(self, n_rows: int, tokenizer: Tokenizer) -> dict[str, Any]:
        repository = self.sources.raw
        assert repository is not None
        shape = (n_rows, self.facts.window)
        return self.pieces.get(
            "corpus",
            _of(repository) | {"rows": n_rows, "tokenizer": _of(self.sources.model)},
            lambda: fetch_raw(repository, tokenizer, shape, self.work / "corpus.npy"),
            "corpus.npy",
        )

    def counts(self, vocabulary: int) -> None:
        """Fetch the counts by others, where these are wanted."""
        duplicates, frequencies = self.sources.duplicates, self.sources.frequencies
        if duplicates is None or frequencies is None:
            return
        variant, population = self.params.variant, self.facts.population
        file = "counts/duplicates.npy"
        self.pieces.get(
            "duplicates",
            _of(duplicates) | {"variant": variant},
            lambda: fetch_duplicates(duplicates, variant, population, self.work / file),
            file,
        )
        self.pieces.get(
            "token_counts",
            _of(frequencies) | {"vocabulary": vocabulary},
            lambda: fetch_token_counts(frequencies, vocabulary, self.work / "counts/tokens.npy"),
            "counts/tokens.npy",
        )


def _of(repository: Repository) -> dict[str, Any]:
    return {"repository": repository.name, "commit": repository.commit}


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise UserError(f"{path}: not a tokenizer ({error}); delete it and run again") from None
