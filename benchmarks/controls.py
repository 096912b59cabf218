"""Do the classifiers of *whether* learn what they seem to? python benchmarks/controls.py

Controls on the results of the pipeline (results/), with its own folds, models and intervals:
labels that mean nothing, a label among the features, and models that were fitted to another domain,
another size of model, another seed (results/.seeds/, which `make seeds` leaves) or another half of
training, or are asked about windows that begin some tokens later. Last, a test of why micro's texts
are not Pythia's. Writes docs/controls.json and the tables in docs/controls.md, in half an hour on
two idle cores; with names behind it (controls.py permuted halves) it runs these controls alone, and
keeps what the file says of the others. The modules named control_… beside this do the work.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from control_labels import (
    Given,
    disguised,
    disguised_label,
    other_domains,
    other_halves,
    other_seeds,
    other_sizes,
    permuted_labels,
)
from control_offsets import OFFSETS, as_text, differing, other_labels, other_scores, shifted, whole
from control_patterns import patterns
from control_tables import TABLES
from pages import put
from threadpoolctl import threadpool_limits

from memorization.errors import UserError, run
from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.crossfit import Candidate, candidates, cross_fit
from memorization.extraction.score import memorized, score
from memorization.features import features_of_tier
from memorization.features.text import token_bytes
from memorization.features.use import Sources
from memorization.files import read_json, write_metrics
from memorization.parallel import side_by_side
from memorization.params import Params, load_params
from memorization.randomness import generator
from memorization.seeds.runs import FOLDER as SEEDS
from memorization.seeds.runs import windows as windows_of
from memorization.study import Study
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import read_suite
from memorization.tables import SEQUENCES, read_table
from memorization.validation.analyse import PLAIN
from memorization.validation.external import read_external
from memorization.whether.models.boosting import Boosting
from memorization.whether.models.classifier import BinaryModel
from memorization.whether.models.logistic import Logistic
from memorization.whether.models.ngrams import NGrams

RESULTS = Path("results")
EXTERNAL = Path("external/mempi.parquet")
PAGE, FOUND = Path("docs/controls.md"), Path("docs/controls.json")
TIERS = ("text", "corpus")
MODELS: dict[str, type[BinaryModel]] = {
    "logistic": Logistic,
    "boosting": Boosting,
    "ngrams": NGrams,
}
CONTROLS: dict[str, Callable[[Candidate, Given], dict[str, Any]]] = {
    "permuted": permuted_labels,
    "disguised": disguised_label,
    "domains": other_domains,
    "sizes": other_sizes,
    "seeds": other_seeds,
    "halves": other_halves,
    "offset_scores": other_scores,
}
# As no family declares one.
UNDECLARED = "surface.label"


def control(named: tuple[str, Candidate], given: Given) -> dict[str, Any]:
    """Return what a control, by its name, finds of a candidate."""
    name, candidate = named
    return CONTROLS[name](candidate, given)


def seed_studies(study: Study) -> dict[int, Study]:
    """Return seed -> the study of the same windows under it; none where no seeds were run.

    In the order of the study, with its clusters and folds: it is the same text.

    Raises
    ------
    UserError
        If a seed has other windows, or other features.
    """
    own = windows_of(RESULTS, study.index)
    found = {}
    for folder in sorted(SEEDS.glob("[0-9]*"), key=lambda path: int(path.name)):
        results = folder / "results"
        if not (results / "features.parquet").exists():
            continue
        other = Study.read(results, study.seed)
        window = windows_of(results, other.index)
        order = np.argsort(window)
        place = order[np.searchsorted(window[order], own).clip(max=len(order) - 1)]
        columns = set(study.features) - set(other.features)
        if columns or (window[place] != own).any():
            reason = f"has no feature {min(columns)}" if columns else "is of other windows"
            raise UserError(f"{results}: {reason}; run `make seeds` again")
        found[int(folder.name)] = replace(
            other.take(place).only(study.features), splits=study.splits, text=study.text
        )
    return found


def offset_studies(
    study: Study, suite: MicroSuite, params: Params
) -> tuple[np.ndarray, dict[int, Study]]:
    """Return which rows are whole, bool [n], and offset -> these rows as they are from there on."""
    windows = suite.windows[study.index]
    is_whole = whole(windows)
    model, sources = suite.load(params.target), Sources(suite.tokenizer)
    found = {}
    for offset in (0, *OFFSETS):
        tokens = shifted(windows[is_whole], offset)
        later = as_text(study.take(is_whole), tokens, sources)
        found[offset] = replace(later, truth=memorized(model, tokens, params.batch))
    return is_whole, found


def refused(columns: Mapping[str, Any]) -> bool:
    """Return whether a table of features with one more column, that no family declares, is."""
    try:
        features_of_tier([*columns, UNDECLARED], TIERS[-1])
    except ValueError:
        return True
    return False


def main() -> None:
    """Run the controls, and write the numbers and the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CONTROLS)}")
    names = parser.parse_args().names
    if unknown := set(names) - set(CONTROLS):
        raise UserError(f"{min(unknown)}: no control; name some of {', '.join(CONTROLS)}")
    params = load_params()
    suite = read_suite(RESULTS / "suite")
    if not isinstance(suite, MicroSuite):
        raise UserError("target: these controls are of the micro suite; set one of its models")
    sequences = read_table(RESULTS / "sequences.parquet", SEQUENCES).set_index("index")
    study = Study.read(RESULTS, params.seed, pieces=token_bytes(suite.tokenizer))
    study = study.only(study.tiers[TIERS[-1]])
    rng = generator(params.seed, "whether")
    is_whole, offsets = offset_studies(study, suite, params)
    given = Given(
        study,
        Bootstrap.of(study.cluster, params.bootstrap.replicates, params.bootstrap.level, rng),
        sequences["domain"].loc[study.index].to_numpy(dtype=object),
        sequences["step"].loc[study.index].to_numpy(),
        {
            name: np.isin(study.index, suite.memorized(name))
            for name in (*suite.smaller(params.target), params.target)
        },
        seed_studies(study),
        is_whole,
        offsets,
    )
    with threadpool_limits(1):
        if names:
            found = read_json(FOUND)
        else:
            found = about(given, params) | {"patterns": against_pythia(given, suite, params)}
            print("patterns: done", flush=True)
        of_candidates(given, found, names or CONTROLS, params.threads)
    write_metrics(found, FOUND)
    for name, table in TABLES.items():
        put(PAGE, name, table(read_json(FOUND)))


def of_candidates(
    given: Given, found: dict[str, Any], names: Collection[str], processes: int
) -> None:
    """Put into what is found that of the named controls: name -> tier -> model -> its return."""
    tiers = {tier: given.study.tiers[tier] for tier in TIERS}
    tried = candidates(MODELS, tiers, "whether")[0]
    fits = side_by_side(cross_fit, tried, given.study, processes=processes)
    fitted = {one.key: fit for one, fit in zip(tried, fits, strict=True)}
    given = replace(given, fitted=fitted)
    work = [(name, candidate) for name in names for candidate in tried]
    done = iter(range(1, 1 + len(work)))

    def told(_: int) -> None:
        print(f"controls: {next(done)} of {len(work)}", flush=True)

    results = side_by_side(control, work, given, processes=processes, advance=told)
    found |= {name: {} for name in names}
    for (name, candidate), one in zip(work, results, strict=True):
        if one:
            found[name].setdefault(candidate.tier, {})[candidate.name] = one


def against_pythia(given: Given, suite: MicroSuite, params: Params) -> dict[str, Any]:
    """Return how texts go with what models of each size continue, beside Pythia's memory."""
    external = read_external(EXTERNAL).studies[PLAIN]
    tokens = suite.tokens(given.study.index)
    rng = generator(params.seed, f"external/{PLAIN}")
    bootstrap = params.bootstrap
    return patterns(
        given.study,
        {
            name: score(suite.load(name), tokens, params.batch)[1].astype(np.float64)
            for name in given.sizes
        },
        given.bootstrap,
        external,
        Bootstrap.of(external.cluster, bootstrap.replicates, bootstrap.level, rng),
    )


def about(given: Given, params: Params) -> dict[str, Any]:
    """Return what is told of no model: sizes, what later windows are, and what is recomputed."""
    study, labels = given.study, given.study.truth
    text = given.offsets[0].features
    return {
        "n": len(study),
        "cases": int(labels.sum()),
        "replicates": params.bootstrap.replicates,
        "level": params.bootstrap.level,
        "memorized_by_seed": {
            str(seed): {"cases": int(own.truth.sum()), "in_both": int((own.truth & labels).sum())}
            for seed, own in given.seeds.items()
        },
        "whole": int(given.whole.sum()),
        "relabelled": int((given.offsets[0].truth != labels[given.whole]).sum()),
        "undeclared_refused": refused(study.features),
        "recomputed": {
            "features": text.shape[1],
            "differ": differing(study.features[given.whole], text),
            "differ_disguised": differing(disguised(study, 1.0).features[given.whole], text),
        },
        "offset_labels": other_labels(given),
    }


if __name__ == "__main__":
    run(main)
