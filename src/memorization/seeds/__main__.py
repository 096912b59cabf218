"""Repeat the study with other seeds, and write results/metrics/seeds.json.

python -m memorization.seeds [SEED ...]

The run in ``results/`` stands for its own seed; `make seeds` sees to it that it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from memorization.errors import UserError, run
from memorization.files import write_metrics
from memorization.params import load_params
from memorization.seeds.runs import made_from, run_of, study_of
from memorization.seeds.summary import summary

SEEDS = (0, 1, 2, 3, 4)


def main() -> None:
    """Run what has not been run, and put the runs together."""
    seeds = chosen(sys.argv[1:])
    params = load_params()
    if params.is_published:
        raise UserError(
            f"target={params.target}: trained by others, with one seed; name one of suite.models"
        )
    if params.seed not in seeds:
        raise UserError(f"seed={params.seed}: not one of {seeds}; put it among them")
    origin = made_from(Path.cwd())
    runs = [run_of(Path.cwd(), seed, params.seed, origin) for seed in seeds]
    found = summary(runs, params)
    write_metrics(
        {"made_from": origin, "study": study_of(params)} | found, "results/metrics/seeds.json"
    )


def chosen(arguments: list[str]) -> tuple[int, ...]:
    """Return the seeds that were named, or else `SEEDS`.

    >>> chosen(["0", "7"])
    (0, 7)
    """
    if not all(argument.isdecimal() for argument in arguments):
        raise UserError(f"{' '.join(arguments)}: not seeds; name whole numbers, such as 0 1 2")
    seeds = tuple(int(argument) for argument in arguments) or SEEDS
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise UserError(f"{seeds}: name two different seeds or more; one has no spread")
    return seeds


if __name__ == "__main__":
    run(main)
