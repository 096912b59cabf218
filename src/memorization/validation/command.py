"""``memorization validate``: from a file of labelled texts to a table of scores and a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.features.own.command import files_read, read_tokenizer, sources_of
from memorization.features.own.writing import check_destination
from memorization.features.use import ROW, Sources, choose_families, features_of_rows, taken
from memorization.files import replacing, write_json
from memorization.progress import progress
from memorization.protocol import SEQUENCE
from memorization.report.wording import defined
from memorization.risk import SHIPPED
from memorization.risk.model import CARD, WEIGHTS, plain
from memorization.validation.analyse import (
    MODELS,
    PERPLEXITY,
    PLAIN,
    WAYS,
    WITH_PERPLEXITY,
    Way,
    collected,
    out_of_fold,
    study_of,
    validate,
)
from memorization.validation.models import Applied, log_perplexity, portable
from memorization.validation.page import page
from memorization.validation.read import Labelled, read_labelled

FOLDS, SHARED_TOKENS, LEVEL = 5, 16, 0.95


@dataclass(frozen=True)
class Saved:
    """Where a text model is written, and what it says of itself.

    Attributes
    ----------
    folder : for `memorization.risk.model.TextModel.load`.
    about, untested : whose labels it was fitted to, and what they tell nothing of, in words.
    """

    folder: Path
    about: str | None = None
    untested: str | None = None


@dataclass(frozen=True)
class Options:
    """What labelled texts are compared by.

    Attributes
    ----------
    tokenizer, reference, batch, device : as for the features command.
    apply : folder of a text model that is applied as it is, see `Applied.read`.
    replicates, seed : of the resamples.
    """

    tokenizer: str | None = None
    reference: Path | None = None
    apply: Path | None = None
    batch: int = 256
    device: str = "cpu"
    replicates: int = 400
    seed: int = 0


def validated(
    path: Path,
    output: Path | None,
    report: Path | None,
    options: Options,
    saved: Saved | None = None,
) -> dict[str, Any]:
    """Return what is found of a file of labelled texts, and write it where it is wanted.

    Texts are scored twice, as they are and with each run of white space made one space: what is
    lost then was formatting, which one draw of texts may have and another may lack.

    Parameters
    ----------
    saved : where a text model fitted to the labels is written; None: nowhere.

    Raises
    ------
    UserError
        If the file, its columns, or a destination are not as they must be.
    """
    read = files_read(str(path), options.tokenizer, None, options.reference)
    read.append(options.apply or SHIPPED)
    made = [output, report]
    if saved is not None:
        made += [saved.folder / WEIGHTS, saved.folder / CARD]
    places = [check_destination(destination, *read) for destination in made if destination]
    if len(set(places)) < len(places):
        raise UserError("--output, --report, --model: two of them name one file; name another")
    seed = options.seed
    labelled = read_labelled(path)
    applied = Applied.read(options.apply)
    tokenizer = read_tokenizer(options.tokenizer, options.reference)
    sources = sources_of(tokenizer, None, options.reference, options.batch, options.device)
    scored = score_ways(labelled, sources, options.replicates, seed, applied)
    found: dict[str, Any] = {"file": path.name}
    if applied is not None:
        found["applied"] = applied.told(labelled.texts, labelled.truth)
    found |= {way: own.found for way, own in scored.items()}
    if saved is not None:
        about, untested = saved.about or path.name, saved.untested or "any other texts"
        # Of plain texts: formatting tells how labels were collected.
        portable(scored[PLAIN], about, untested, seed).save(saved.folder)
    if output is not None:
        write_json(found, output)
    if report is not None:
        with replacing(report) as partial:
            partial.write_text(page(found), encoding="utf-8")
    return found


def score_ways(
    labelled: Labelled,
    sources: Sources,
    replicates: int,
    seed: int,
    applied: Applied | None = None,
) -> dict[str, Way]:
    """Return what is found of labelled texts as they are, and with white space collapsed.

    Parameters
    ----------
    sources : its reference, if there is one, tells the perplexity.
    applied : a text model that is scored beside those that are fitted here.

    Raises
    ------
    UserError
        If there are too few independent texts of either kind.
    """
    n_models = len(MODELS) + (len(WITH_PERPLEXITY) if sources.reference is not None else 0)
    with (
        threadpool_limits(1),
        progress("validate", 2 * len(WAYS) * n_models, "models") as advance,
    ):
        return {
            way: _scored(labelled, way, sources, replicates, seed, applied, advance) for way in WAYS
        }


def _scored(
    labelled: Labelled,
    way: str,
    sources: Sources,
    replicates: int,
    seed: int,
    applied: Applied | None,
    advance: Callable[[int], object],
) -> Way:
    texts = labelled.texts
    if way == PLAIN:
        texts = [plain(text) for text in texts]
    rng = np.random.default_rng(seed)
    flat, lengths = sources.vocabulary.encode(texts, first=True)
    begin, length = np.cumsum(lengths) - lengths, np.minimum(lengths, SEQUENCE)
    rows = np.zeros(len(texts), ROW)
    rows["tokens"], rows["length"] = taken(flat, begin, length), length
    families = choose_families(("text",), None, ())
    table = features_of_rows(rows, sources, ("text",), families).drop(columns="index")
    if sources.reference is not None:
        table[PERPLEXITY] = log_perplexity(sources.reference, rows["tokens"], length, sources.batch)
    known = [name for name in table if table[name].notna().any()]
    tokens = taken(sources.vocabulary.numbers(flat), begin, length)
    study = study_of(tokens, table[known], texts, labelled.truth, FOLDS, SHARED_TOKENS, rng)
    bootstrap = Bootstrap.of(study.cluster, replicates, LEVEL, rng)
    given = {
        "length in characters": np.array([len(text) for text in texts], np.float64),
        "length in tokens, at most 64": lengths.astype(np.float64),
    } | labelled.given
    odds = out_of_fold(study, advance)
    if applied is not None:
        odds = {**odds, "fold": {"applied": applied.odds(texts), **odds["fold"]}}
    found = validate(study, odds, bootstrap) | collected(study, texts, given, bootstrap)
    return Way(study, texts, odds, defined(found))
