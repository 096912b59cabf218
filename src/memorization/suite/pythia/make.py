"""The Pythia suite: labels, a sample of the text and a reference model, fetched from the hub."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.files import replacing, write_json
from memorization.params import Params
from memorization.protocol import SEQUENCE
from memorization.randomness import generator
from memorization.resume import file_digest, is_fresh, is_made_from, publish, work_folder
from memorization.sources import code_digest
from memorization.suite.declared.declaration import Declaration, of_target
from memorization.suite.hub import Repository, download
from memorization.suite.pythia import repositories
from memorization.suite.pythia.corpus import (
    check_rows,
    fetch_rows,
    fetch_text,
    open_preshuffled,
)
from memorization.suite.pythia.labels import (
    agreements,
    check_evaluations,
    check_tokens,
    fetch_duplicates,
    fetch_labels,
    fetch_sample,
    fetch_token_counts,
)
from memorization.suite.pythia.pieces import Pieces, save_array


def make_suite(params: Params, destination: Path) -> None:
    """Fetch the suite and leave it in ``destination``, with the layout of :class:`PythiaSuite`.

    Every repository is read at one commit, asked for before anything is fetched. Work in progress
    is kept apart from ``destination``, so an interrupted run goes on where it stopped; a suite that
    is there already and was made with the same parameters is left as it is, and the hub not asked.

    Raises
    ------
    UserError
        If the hub or the disk fails, or what was published is not what it should be.
    """
    facts = of_target(params.target, params.pythia.facts)
    reference = repositories.reference_of(params, facts)
    common = {
        "facts": params.pythia.facts and file_digest(params.pythia.facts),
        # Of what comes from the hub the commits count, not the way that it comes.
        "code": code_digest(__name__, apart=["memorization.suite.hub"]),
    }
    inputs = common | {
        "target": params.target,
        "variant": params.variant,
        "seed": params.seed,
        "models": params.pythia.models,
        "revisions": params.pythia.revisions,
        "reference": params.pythia.reference,
        "corpus": params.pythia.corpus,
        "corpus_tokens": params.pythia.corpus_tokens,
        "published_counts": params.pythia.published_counts,
        "context": params.pythia.context,
        "order": params.pythia.order,
    }
    if is_made_from(destination, inputs):
        return
    sources = repositories.resolve_all(params, facts)
    commits = {source.name: source.commit for source in sources.values()}
    work = work_folder("suite", inputs | {"commits": commits})
    earlier = work if is_fresh() else destination
    suite = _Suite(params, facts, reference, sources, Pieces(work, earlier, common))
    try:
        write_json(suite.manifest() | suite.fetch(), work / "manifest.json", indent=2)
    except Exception as error:
        # The library that writes weights has an exception of its own, without a number.
        is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if not is_full and os.strerror(errno.ENOSPC) not in str(error):
            raise
        raise UserError(
            f"{work}: disk full; make room and run the same command again, it goes on where it "
            "stopped"
        ) from None
    publish(work, destination, inputs, ["manifest.json", *suite.pieces.files()])


@dataclass(frozen=True)
class _Suite:
    """A suite in the making: what is fetched, from where, and what has been so far."""

    params: Params
    facts: Declaration
    reference: str | None
    sources: dict[str, Repository]
    pieces: Pieces

    @property
    def model(self) -> Repository:
        """A model at its last checkpoint."""
        return self.sources["model"]

    def manifest(self) -> dict[str, Any]:
        """Return what is known of the suite beforehand."""
        params, facts, sources = self.params, self.facts, self.sources
        release, variant = params.pythia.models, params.variant
        rows, order = sources.get("preshuffled"), sources.get("order")
        return {
            "suite": "pythia",
            "declared": facts.suite,
            "variant": variant,
            "release": release,
            "population": facts.population,
            "sequences_per_step": facts.sequences_per_step,
            "window": facts.window,
            "steps": list(facts.steps),
            "first_epoch": facts.first_epoch.get(variant),
            "models": [
                {
                    "name": model.name,
                    "parameters": model.parameters,
                    "shape": {"layers": model.layers, "hidden": model.hidden, "heads": model.heads},
                    "repository": repositories.repository_of(params, facts, model.name),
                    # Of the others only the labels are read, whose commit is the data set's.
                    "commit": self.model.commit if model.name == self.reference else None,
                }
                for model in (*facts.smaller(params.target), facts.model(params.target))
            ],
            "labelled": self.labelled,
            "scored": [model.name for model in facts.labelled],
            "runs": {run: facts.repository_of(run) for run in facts.runs_of(params.target)},
            "evaluations": [*facts.evaluated.get(params.target, ()), facts.steps[-1]],
            "datasets": {
                found.name: found.commit for found in sources.values() if found.kind == "dataset"
            },
            "context": {"repository": rows.name, "commit": rows.commit}
            if rows and params.pythia.context
            else None,
            "order": {"repository": order.name, "commit": order.commit} if order else None,
        }

    @property
    def labelled(self) -> list[str]:
        """The models whose labels were published; those of the last choose what is studied."""
        facts, target = self.facts, self.params.target
        return [*(model.name for model in facts.smaller(target)), facts.cases_of(target)]

    def fetch(self) -> dict[str, Any]:
        """Fetch every part; return what of them is worth telling."""
        facts = self.facts
        labels = self._labels()
        tokenizer = self._tokenizer()
        self._reference()
        source = self.sources["sample"]
        sample = self.pieces.get("sample", source, partial(fetch_sample, source, facts), "sample")
        check_tokens(self.pieces.work)
        agreement = agreements(self.pieces.work, facts, self.labelled, source)
        corpus = self._corpus(sample["sequences"], tokenizer)
        vocabulary = tokenizer.get_vocab_size()
        self._counts(vocabulary)
        checks = {"labels": labels, "sample": sample, "agreement": agreement}
        return {"vocabulary": vocabulary, "corpus": corpus, "checks": checks}

    def _labels(self) -> dict[str, dict[str, int]]:
        """Fetch what the target and all smaller models have memorized; return rows by split."""
        facts, target, evals = self.facts, self.labelled[-1], self.sources["labels"]
        wanted: list[tuple[str, int | None]] = [(model, None) for model in self.labelled]
        wanted += [(target, step) for step in facts.evaluated.get(target, ())]
        found: dict[str, dict[str, int]] = {}
        last = repositories.split_name(self.params.variant, target)
        for model, step in wanted:
            split = repositories.split_name(self.params.variant, model, step)
            file = f"evals/{model}.parquet" if step is None else f"evals/{model}.step{step}.parquet"
            make = partial(fetch_labels, evals, facts, split, step)
            found[split] = self.pieces.get(split, evals, make, file)
        by_step = [split for split in found if split.startswith(f"{last}.")] + [last]
        check_evaluations(evals, {split: found[split]["sequences"] for split in by_step})
        return found

    def _tokenizer(self) -> Tokenizer:
        def make(place: Path) -> dict[str, Any]:
            path = download(self.model, "tokenizer.json")
            _read_tokenizer(path)
            with replacing(place) as partial:
                shutil.copyfile(path, partial)
            return {}

        self.pieces.get("tokenizer", self.model, make, "tokenizer.json")
        return _read_tokenizer(self.pieces.work / "tokenizer.json")

    def _reference(self) -> None:
        """Fetch the reference model and keep it in the layout that every suite has."""
        if self.reference is None:
            return
        model = self.facts.model(self.reference)

        def make(folder: Path) -> dict[str, Any]:
            # Here, so that a run that needs no model does not wait for the libraries.
            from memorization.suite.checkpoints import save_checkpoint
            from memorization.suite.pythia.checkpoints import download_checkpoint, load_published

            save_checkpoint(load_published(download_checkpoint(self.model), model), folder)
            return {}

        folder = f"{model.name}/step{self.facts.steps[-1]}"
        self.pieces.get("reference", self.model, make, folder)

    def _corpus(self, n_sample: int, tokenizer: Tokenizer) -> dict[str, Any]:
        """Fetch the text to count over, unless it is the sample; return what it is."""
        params, facts = self.params, self.facts
        kind, window, population = params.pythia.corpus, facts.window, facts.population
        if kind == "sample":
            return {"source": kind, "rows": n_sample, "tokens": n_sample * SEQUENCE}
        n_rows = min(max(params.pythia.corpus_tokens // window, 1), population)
        if kind == "raw":
            source = self.sources["raw"]
            make = partial(fetch_text, source, tokenizer, (n_rows, window))
            inputs = {"rows": n_rows, "tokenizer": self.model.commit}
            found = self.pieces.get("corpus", source, make, "corpus.npy", **inputs)
        else:
            source = self.sources["preshuffled"]
            # A uniform random sample of whole training rows.
            rng = generator(params.seed, "corpus")
            index = np.sort(rng.choice(population, n_rows, replace=False))

            def fetch(place: Path, index_place: Path) -> dict[str, Any]:
                rows = open_preshuffled(source, window, population)
                fetch_rows(rows, index, place, "corpus")
                sample = self.pieces.work / "sample"
                known, tokens = (np.load(sample / f"{name}.npy") for name in ("index", "tokens"))
                check_rows(source, index, np.load(place, mmap_mode="r"), known, tokens)
                save_array(index, index_place)
                return {"rows": n_rows}

            inputs = {"rows": n_rows, "seed": params.seed}
            files = ("corpus.npy", "corpus_index.npy")
            found = self.pieces.get("corpus", source, fetch, *files, **inputs)
        return {"source": kind, **found, "tokens": found["rows"] * window}

    def _counts(self, vocabulary: int) -> None:
        """Fetch the counts by others, where these are wanted."""
        variant, get = self.params.variant, self.pieces.get
        if source := self.sources.get("duplicates"):
            make = partial(fetch_duplicates, source, variant, self.facts.population)
            get("duplicates", source, make, "counts/duplicates.npy", variant=variant)
        if source := self.sources.get("frequencies"):
            make = partial(fetch_token_counts, source, vocabulary)
            get("token_counts", source, make, "counts/tokens.npy", vocabulary=vocabulary)


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise UserError(
            f"{path}: not a tokenizer ({error}); pin another commit of the model in "
            "pythia.revisions"
        ) from None
