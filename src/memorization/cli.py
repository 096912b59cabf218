"""The command line: ``memorization evaluate``, ``sequences`` and ``validate``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from memorization.errors import UserError, run

app = typer.Typer(
    help="Predict whether, and when, a language model memorizes a training sequence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

P = ParamSpec("P")


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command that tells a user's mistake in one line, with exit status 1."""

    @wraps(command)
    def told(*arguments: P.args, **options: P.kwargs) -> None:
        run(lambda: command(*arguments, **options), "interrupted")

    return told


class Unlisted(StrEnum):
    """What is predicted of sequences that a table does not list."""

    NEGATIVE = "negative"


TABLE = typer.Argument(
    help="Parquet or CSV file: `index`, and either `predicted` (true or false) or `score` (a "
    "number, the higher the likelier)."
)
TARGET = typer.Option(help="Model whose memory is predicted; if not given, that of the study.")
SUITE = typer.Option(help="Folder of the suite of models, as `dvc repro suite` leaves it.")
STUDY = typer.Option(
    help="Results folder whose sample is used; if not given, the folder above the suite."
)
OUTPUT = typer.Option(help="Also write the metrics as JSON.")
THRESHOLD = typer.Option(
    help="Score from which on a sequence is predicted to be memorized; if not given, that of the "
    "highest F1 on the other folds."
)
UNLISTED = typer.Option(
    help="negative: sequences that are not listed are predicted not to be memorized."
)
REPLICATES = typer.Option(min=20, help="Resamples behind the intervals.")
SEED = typer.Option(min=0, help="Of the resamples.")
DESTINATION = typer.Argument(metavar="OUT", help="Parquet file: `index`, `tokens`, `text`.")
POPULATION = typer.Option("--population", help="All sequences, not only the study's sample.")


LABELLED = typer.Argument(
    help="Parquet, JSON Lines or CSV file: `text`, and `memorized` (true or false, 1 or 0). Other "
    "columns of numbers, or of words that many rows share, are scored alone."
)
TOKENIZER = typer.Option(help="tokenizer.json by which shared text is found and features computed.")
REPORT = typer.Option(help="Also write a self-contained HTML page.")


@app.callback()
def main() -> None:
    """Predict whether, and when, a language model memorizes a training sequence."""


@app.command()
@explained
def evaluate(
    predictions: Annotated[Path, TABLE],
    target: Annotated[str | None, TARGET] = None,
    suite: Annotated[Path, SUITE] = Path("results/suite"),
    study: Annotated[Path | None, STUDY] = None,
    output: Annotated[Path | None, OUTPUT] = None,
    threshold: Annotated[float | None, THRESHOLD] = None,
    unlisted: Annotated[Unlisted | None, UNLISTED] = None,
    replicates: Annotated[int, REPLICATES] = 400,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Score anybody's predictions against what a model has memorized.

    Exact where they cover all sequences; else from the study's sample, weighted to the population,
    with 95 % intervals.
    """
    # Here, so that --help need not wait for the libraries.
    from memorization.harness import Intervals, Sample, evaluate_predictions, read_predictions
    from memorization.harness.sample import studied_target
    from memorization.suite.read import read_suite

    models = read_suite(suite)
    study = study or suite.parent
    target = target or studied_target(study)
    if target is None:
        raise UserError(f"{study}: does not say its target; add --target {'|'.join(models.models)}")
    table = read_predictions(predictions, models.population)
    whole = unlisted is not None or len(table.index) == models.population
    has_sample = (study / "sequences.parquet").exists()
    evaluation = evaluate_predictions(
        table,
        models,
        target,
        sample=Sample.read(study) if has_sample and not whole else None,
        unlisted=unlisted.value if unlisted else None,
        threshold=threshold,
        intervals=Intervals(replicates=replicates, seed=seed),
    )
    print(evaluation)
    if output is not None:
        evaluation.write(output)


@app.command()
@explained
def sequences(
    destination: Annotated[Path, DESTINATION],
    population: Annotated[bool, POPULATION] = False,
    suite: Annotated[Path, SUITE] = Path("results/suite"),
    study: Annotated[Path | None, STUDY] = None,
) -> None:
    """Write the sequences to predict, with their text and without their labels."""
    from memorization.harness import Sample
    from memorization.harness.sample import write_sequences
    from memorization.suite.read import read_suite

    models = read_suite(suite)
    index = models.population_index if population else Sample.read(study or suite.parent).index
    if index is None:
        raise UserError(
            f"--population: the text of all {models.population:,} sequences is not here; leave it "
            "out to get the study's sample"
        )
    write_sequences(models, index, destination)
    print(f"{destination}: {len(index):,} sequences")


@app.command()
@explained
def validate(
    labelled: Annotated[Path, LABELLED],
    tokenizer: Annotated[Path, TOKENIZER] = Path("results/suite/tokenizer.json"),
    output: Annotated[Path | None, OUTPUT] = None,
    report: Annotated[Path | None, REPORT] = None,
    replicates: Annotated[int, REPLICATES] = 400,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Fit the text models to anybody's labels, and say how far their scores can be believed."""
    from memorization.validation.command import validated
    from memorization.validation.page import terminal

    print(terminal(validated(labelled, tokenizer, output, report, replicates, seed)))


if __name__ == "__main__":
    app()
