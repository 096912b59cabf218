"""The Pythia suite: labels, a sample of the text and a reference model, fetched from the hub."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from memorization.errors import UserError
from memorization.params import Params
from memorization.resume import file_digest, is_fresh, is_made_from, publish, work_folder
from memorization.sources import code_digest
from memorization.suite.pythia.facts import Facts, model_repository, read_facts
from memorization.suite.pythia.parts import Parts
from memorization.suite.pythia.pieces import Pieces, write_json
from memorization.suite.pythia.repositories import Repositories, reference_of, resolve_all
from memorization.suite.pythia.sample import agreements


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
    facts = read_facts(params.pythia.facts)
    reference = reference_of(params, facts)
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
    }
    if is_made_from(destination, inputs):
        return
    sources = resolve_all(params, facts)
    work = work_folder("suite", inputs | {"commits": sources.commits})
    earlier = work if is_fresh() else destination
    parts = Parts(params, facts, sources, Pieces(work, earlier, common))
    try:
        manifest = _manifest(params, facts, sources, reference) | _fetch(parts, reference)
        write_json(work / "manifest.json", manifest)
    except Exception as error:
        if not _is_disk_full(error):
            raise
        raise UserError(
            f"{work}: disk full; make room and run the same command again, it goes on where it "
            "stopped"
        ) from None
    publish(work, destination, inputs)


def _is_disk_full(error: Exception) -> bool:
    # The library that writes weights has an exception of its own, without a number.
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    return full or os.strerror(errno.ENOSPC) in str(error)


def _fetch(parts: Parts, reference: str | None) -> dict[str, Any]:
    """Fetch every part; return what of them is worth telling."""
    labels = parts.labels()
    tokenizer = parts.tokenizer()
    if reference is not None:
        parts.reference(reference)
    sample = parts.sample()
    agreeing = agreements(parts.work, parts.facts, parts.params.target, parts.sources.sample)
    corpus = parts.corpus(sample["sequences"], tokenizer)
    vocabulary = tokenizer.get_vocab_size()
    parts.counts(vocabulary)
    checks = {"labels": labels, "sample": sample, "agreement": agreeing}
    return {"vocabulary": vocabulary, "corpus": corpus, "checks": checks}


def _manifest(
    params: Params, facts: Facts, sources: Repositories, reference: str | None
) -> dict[str, Any]:
    """Return what is known of the suite beforehand."""
    models = facts.up_to(params.target)
    context = sources.preshuffled if params.pythia.context else None
    return {
        "suite": "pythia",
        "variant": params.variant,
        "release": params.pythia.models,
        "population": facts.population,
        "sequences_per_step": facts.sequences_per_step,
        "window": facts.window,
        "steps": list(facts.steps),
        "first_epoch": facts.first_epoch.get(params.variant),
        "models": [
            {
                "name": model.name,
                "parameters": model.parameters,
                "shape": {"layers": model.layers, "hidden": model.hidden, "heads": model.heads},
                "repository": model_repository(model.name, params.variant, params.pythia.models),
                # Of the others only the labels are read, whose commit is the data set's.
                "commit": sources.model.commit if model.name == reference else None,
            }
            for model in models
        ],
        "evaluations": [*facts.evaluated.get(params.target, ()), facts.steps[-1]],
        "datasets": sources.datasets,
        "context": context and {"repository": context.name, "commit": context.commit},
    }
