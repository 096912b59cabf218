"""The published labels: which sequences a model has memorized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memorization.errors import UserError
from memorization.suite.hub import Repository, download, list_files
from memorization.suite.pythia.facts import Facts
from memorization.suite.pythia.sequences import merge, write_sequences


def fetch_labels(
    evals: Repository, facts: Facts, split: str, step: int | None, path: Path
) -> dict[str, Any]:
    """Write what a model has memorized as Parquet, sorted, each index once.

    Parameters
    ----------
    evals : the data set of the labels.
    split : ``duped.70m``, ``duped.12b.23000``, …
    step : of an earlier checkpoint; None: the end of training.
    path : the file to write.

    Returns
    -------
    ``rows`` of the published files, ``sequences`` written; for an earlier checkpoint those are left
    out that it has not seen.

    Raises
    ------
    UserError
        If there is no such split, its files are damaged, their rows are not as many as published,
        or they hold a sequence that is not in the training data.
    """
    names = list_files(evals, f"data/{split}-*.parquet")
    paths = [download(evals, name) for name in names]
    scratch = path.with_name(path.name + ".scratch")
    seen = None if step is None else step * facts.sequences_per_step
    try:
        merged = merge(paths, "index", "tokens", scratch, below=seen)
        published = facts.rows.get(split)
        if published is not None and merged.n_rows != published:
            raise UserError(
                f"{evals}: split {split} has {merged.n_rows:,} rows, but {published:,} were "
                "published; pin a commit that has them, in params.yaml: pythia.revisions: "
                f"{{{evals.name}: 40 hexadecimal digits}}"
            )
        if len(merged.index) and merged.index[-1] >= facts.population:
            raise UserError(
                f"{evals}: split {split} holds index {merged.index[-1]:,}, but there are only "
                f"{facts.population:,} training sequences; pin another commit in pythia.revisions"
            )
        write_sequences(merged, path)
        return {"rows": merged.n_rows, "sequences": len(merged.index)}
    finally:
        scratch.unlink(missing_ok=True)
