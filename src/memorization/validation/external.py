"""Labels of a model that is not ours, as a table without text: what the stage ``external`` reads.

The texts may not be passed on, but numbers computed of them may: their features, and what the bag
of n-grams said of each when it had not seen it. So the whole protocol runs again wherever the
pipeline does, but for the n-grams themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from memorization.association.univariate import CHANCE
from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.ranking import auroc
from memorization.files import replacing
from memorization.sources import code_digest
from memorization.study import Study
from memorization.validation.analyse import SPLITS, Way
from memorization.whether.models.classifier import FeatureModel

# Column of the splits -> that of the n-grams' log-odds out of fold.
STORED = dict(zip(SPLITS, ("ngrams", "ngrams_random"), strict=True))
# Columns that are no feature.
ROWS = ("way", "memorized", "cluster", *SPLITS, *STORED.values())
KEY = b"external"


@dataclass(frozen=True)
class External:
    """Labelled texts of another model, without the texts.

    Attributes
    ----------
    about : whose labels they are, and where they are from.
    studies : way -> the rows; ``ngrams`` and ``ngrams_random`` of each are in ``stored``.
    stored : way -> splits -> log-odds of the n-grams out of fold, float64 [n].
    told : way -> what was found of the texts themselves: ``given`` and ``artefacts``, as in
        `memorization.validation.analyse.validate`.
    """

    about: dict[str, str]
    studies: dict[str, Study]
    stored: dict[str, dict[str, np.ndarray]]
    told: dict[str, dict[str, Any]]


def write_external(path: Path, ways: Mapping[str, Way], about: Mapping[str, str]) -> None:
    """Write one table of texts, taken in some ways, without the texts.

    Parameters
    ----------
    about : whose labels they are: ``labels``, ``source``, ``licence``.
    """
    parts = []
    for name, way in ways.items():
        study = way.study
        own = {"way": name, "memorized": study.truth}
        own |= {split: study.splits[split].to_numpy() for split in ("cluster", *SPLITS)}
        own |= {stored: way.odds[split]["ngrams"] for split, stored in STORED.items()}
        # Five digits: more would tell of the texts what no model needs.
        features = study.features.map(lambda value: float(f"{value:.5g}"))
        parts.append(pd.DataFrame(own).join(features.reset_index(drop=True)))
    frame = pd.concat(parts, ignore_index=True)
    said = {
        "about": dict(about),
        "code": _code(frame.columns[len(ROWS) :]),
        "told": {
            name: {told: way.found[told] for told in ("given", "artefacts")}
            for name, way in ways.items()
        },
    }
    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {KEY: json.dumps(said, sort_keys=True).encode()}
    with replacing(path) as partial:
        parquet.write_table(table.replace_schema_metadata(metadata), partial, compression="zstd")


def read_external(path: Path) -> External:
    """Return what `write_external` wrote.

    Raises
    ------
    UserError
        If there is no such table, or its features were computed by other code than is here.
    """
    try:
        table = parquet.read_table(path)
        said = json.loads(table.schema.metadata[KEY])
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; it comes with the repository") from None
    except (pa.ArrowException, OSError, TypeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not a table of labels without text ({reason}); take it from the repository"
        ) from None
    frame = table.to_pandas()
    columns = list(frame.columns[len(ROWS) :])
    if stale := sorted(n for n, digest in _code(columns).items() if said["code"].get(n) != digest):
        raise UserError(
            f"{path}: the code of these features has changed since it was made: "
            f"{', '.join(stale)}; make it again with `python examples/mempi.py`"
        )
    studies, stored = {}, {}
    for way, own in frame.groupby("way", sort=False):
        rows = own.reset_index(drop=True)
        studies[str(way)] = Study(
            index=np.arange(len(rows)),
            features=rows[columns],
            truth=rows["memorized"].to_numpy(bool),
            weight=np.ones(len(rows)),
            splits=rows[["cluster", *SPLITS]],
        )
        stored[str(way)] = {split: rows[name].to_numpy() for split, name in STORED.items()}
    return External(said["about"], studies, stored, said["told"])


def _code(columns: pd.Index | list[str]) -> dict[str, str]:
    """Return family -> digest of the code that computes its features."""
    families = dict.fromkeys(str(column).partition(".")[0] for column in columns)
    return {name: code_digest(f"memorization.features.{name}") for name in families}


def transferred(
    study: Study, models: Mapping[str, FeatureModel], bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return the AUROC of models that were fitted elsewhere, applied as they are; None: cannot be.

    A model cannot be applied if a feature that it reads is not in the table.
    """
    found: dict[str, Any] = {}
    for name, model in models.items():
        try:
            odds = model.probability(study.features)
        except KeyError:
            found[name] = None
            continue
        found[name] = bootstrap.estimate(auroc, study.truth, odds, study.weight)
    return found


def compared(here: pd.DataFrame, there: pd.DataFrame) -> dict[str, Any]:
    """Return whether features tell the memorized of two models alike.

    Parameters
    ----------
    here, there : of the features alone, as from `memorization.association.univariate`.

    Returns
    -------
    dict
        ``features`` that are in both and vary, how many of them point the ``same_way``, the
        ``correlation`` of their AUROCs (Pearson; None: of fewer than three), and of those whose
        intervals exclude one half in both, ``decided``, how many point the same way
        (``decided_same_way``).
    """
    both = here.merge(there, on="feature", suffixes=("_here", "_there"))
    sides = np.sign(both[["auroc_here", "auroc_there"]].to_numpy() - CHANCE)
    aside = (np.abs(sides) == 1).all(axis=1)  # neither undefined nor at one half
    both, sides = both[aside], sides[aside]
    decided = ((both["observed_here"] != "0") & (both["observed_there"] != "0")).to_numpy()
    same = sides[:, 0] == sides[:, 1]
    areas = both[["auroc_here", "auroc_there"]].to_numpy(np.float64)
    known = len(both) > 2
    return {
        "features": len(both),
        "same_way": int(same.sum()),
        "correlation": float(np.corrcoef(areas.T)[0, 1]) if known else None,
        "decided": int(decided.sum()),
        "decided_same_way": int((decided & same).sum()),
    }
