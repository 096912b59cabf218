"""The command line: ``memorization evaluate``, ``sequences``, ``features``, ``validate``, …"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec

import typer
import typer.core

from memorization.errors import UserError, run
from memorization.risk import SHIPPED

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


def judging(command: Callable[P, bool]) -> Callable[P, None]:
    """Return a command with exit status 0 if all is right, 1 if not, 2 if it could not be told.

    The command itself returns whether all is right; a user's mistake is told in one line.
    """

    @wraps(command)
    def told(*arguments: P.args, **options: P.kwargs) -> None:
        found: list[bool] = []
        try:
            run(lambda: found.append(command(*arguments, **options)))
        except SystemExit as ended:
            if isinstance(ended.code, str):
                print(ended.code, file=sys.stderr)
            raise typer.Exit(2) from None
        except Exception:  # a fault of ours must not be taken for a finding
            traceback.print_exc()
            raise typer.Exit(2) from None
        if found != [True]:
            raise typer.Exit(1)

    return told


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
    help="Parquet, JSON Lines or CSV file, perhaps compressed (.csv.gz): `text`, and `memorized` "
    "(true or false, 1 or 0). Other columns of numbers, or of words that many rows share, are "
    "scored alone."
)
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
    unlisted: Annotated[Literal["negative"] | None, UNLISTED] = None,
    replicates: Annotated[int, REPLICATES] = 400,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Score anybody's predictions against what a model has memorized.

    Exact where they cover all sequences; else from the study's sample, weighted to the population,
    with 95 % intervals.
    """
    # Here, so that --help need not wait for the libraries.
    from memorization.features.own.writing import check_destination
    from memorization.harness import Intervals, Sample, evaluate_predictions, read_predictions
    from memorization.harness.sample import studied_target, tables_of
    from memorization.suite.read import read_suite

    study = study or suite.parent
    if output is not None:
        check_destination(output, predictions, suite, *tables_of(study))
    models = read_suite(suite)
    target = target or studied_target(study)
    if target is None:
        raise UserError(f"{study}: does not say its target; add --target {'|'.join(models.models)}")
    table = read_predictions(predictions, models.population, models.population_index)
    whole = unlisted is not None or len(table.index) == models.population
    has_sample = (study / "sequences.parquet").exists()
    evaluation = evaluate_predictions(
        table,
        models,
        target,
        sample=Sample.read(study, models) if has_sample and not whole else None,
        unlisted=unlisted,
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
    from memorization.features.own.writing import check_destination
    from memorization.harness import Sample
    from memorization.harness.sample import tables_of, write_sequences
    from memorization.suite.read import read_suite

    study = study or suite.parent
    check_destination(destination, suite, *tables_of(study))
    models = read_suite(suite)
    index = models.population_index if population else Sample.read(study, models).index
    if index is None:
        raise UserError(
            f"--population: the text of all {models.population:,} sequences is not here; leave it "
            "out to get the study's sample"
        )
    write_sequences(models, index, destination)
    print(f"{destination}: {len(index):,} sequences")


class Lists(typer.core.TyperCommand):
    """A command whose repeatable options take several values at once: ``--tiers text corpus``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the option before each of its values, up to the next option."""
        lists = {
            name for own in self.params if getattr(own, "multiple", False) for name in own.opts
        }
        named: list[str] = []
        option = ""
        for argument in args:
            if option and not argument.startswith("-"):
                named += [argument] if named[-1] == option else [option, argument]
                continue
            option = argument if argument in lists else ""
            named.append(argument)
        return super().parse_args(ctx, named)


TEXTS = typer.Argument(
    metavar="IN",
    help="Texts: a Parquet, JSON Lines or CSV file with a column `text` or `tokens`, a folder of "
    "text files, or - (JSON Lines, or a text a line). Columns `index` and `corpus_row` are used.",
)
FEATURES = typer.Argument(metavar="OUT", help="Parquet, JSON Lines or CSV file, or - (JSON Lines).")
TIERS = typer.Option(metavar="TIER...", help="Of text, corpus and reference.")
FAMILIES = typer.Option(metavar="NAME...", help="If not given, all that have such a feature.")
CARRY = typer.Option(metavar="COLUMN...", help="Columns of the input to write, too.")
CORPUS = typer.Option(
    help="What to count over: a folder, a text, a table of texts or tokens, .npy."
)
REFERENCE = typer.Option(help="Folder of the model whose surprisal is computed.")
TOKENIZER = typer.Option(
    help="tokenizer.json, its folder, or `bytes`; if not given, that of the reference or of the "
    "suite, else bytes."
)
APPLY = typer.Option(
    help="Folder of a text model that is applied as it is, such as one by `--model`; if not given, "
    "that of `score`."
)
PERPLEXITY = typer.Option(
    help="Folder of a model whose perplexity of each text is scored, too; --tokenizer names its "
    "tokenizer."
)
SAVED = typer.Option(
    help="Also write a text model fitted to these labels into this folder, for `score --model`."
)
ABOUT = typer.Option(help="Whose labels they are, in words, as the text model is to say.")
UNTESTED = typer.Option(help="What they tell nothing of, in words.")
FIRST = typer.Option("--first", help="Only the first 64 tokens of each text.")
STRIDE = typer.Option(min=1, help="Tokens from one window of a long text to the next.")
SHORT = typer.Option(
    help="A text of fewer than 64 tokens: keep, with what is not defined missing; drop; or error."
)
FORMAT = typer.Option(
    "--format", help="Of the input, if its name does not say; lines: a text a line."
)
BATCH = typer.Option(min=1, help="Sequences in a forward pass of the reference.")
ROWS = typer.Option(min=1, help="Windows at once: fewer take less memory.")
DEVICE = typer.Option(help="Where the reference runs.")


@app.command(cls=Lists)
@explained
def features(
    texts: Annotated[str, TEXTS],
    output: Annotated[str, FEATURES],
    tiers: Annotated[list[str], TIERS] = ["text"],  # noqa: B006, typer copies it
    families: Annotated[list[str] | None, FAMILIES] = None,
    carry: Annotated[list[str] | None, CARRY] = None,
    corpus: Annotated[Path | None, CORPUS] = None,
    reference: Annotated[Path | None, REFERENCE] = None,
    tokenizer: Annotated[str | None, TOKENIZER] = None,
    first: Annotated[bool, FIRST] = False,
    stride: Annotated[int, STRIDE] = 64,
    short: Annotated[Literal["keep", "drop", "error"], SHORT] = "keep",
    form: Annotated[Literal["parquet", "jsonl", "csv", "lines"] | None, FORMAT] = None,
    batch: Annotated[int, BATCH] = 256,
    rows: Annotated[int, ROWS] = 65_536,
    device: Annotated[Literal["cpu", "cuda", "auto"], DEVICE] = "cpu",
) -> None:
    """Compute the features of anybody's texts, a row for each 64 tokens."""
    from memorization.features.own.command import Options, write_features

    options = Options(
        tiers=tiers,
        families=families or None,
        carry=carry or (),
        corpus=corpus,
        reference=reference,
        tokenizer=tokenizer,
        first=first,
        stride=stride,
        short=short,
        form=form,
        batch=batch,
        device=device,
        rows=rows,
    )
    write_features(texts, output, options)


@app.command()
@explained
def validate(
    labelled: Annotated[Path, LABELLED],
    tokenizer: Annotated[str | None, TOKENIZER] = None,
    output: Annotated[Path | None, OUTPUT] = None,
    report: Annotated[Path | None, REPORT] = None,
    apply: Annotated[Path | None, APPLY] = None,
    reference: Annotated[Path | None, PERPLEXITY] = None,
    model: Annotated[Path | None, SAVED] = None,
    about: Annotated[str | None, ABOUT] = None,
    untested: Annotated[str | None, UNTESTED] = None,
    replicates: Annotated[int, REPLICATES] = 400,
    seed: Annotated[int, SEED] = 0,
    batch: Annotated[int, BATCH] = 256,
    device: Annotated[Literal["cpu", "cuda", "auto"], DEVICE] = "cpu",
) -> None:
    """Try text models on anybody's labels, as they are and refitted; say what can be believed."""
    from memorization.validation.command import Options, Saved, validated
    from memorization.validation.page import terminal

    if model is None and (about or untested):
        raise UserError("--about, --untested: are written to a text model; add --model FOLDER")
    saved = None if model is None else Saved(model, about, untested)
    options = Options(
        tokenizer=tokenizer,
        reference=reference,
        apply=apply,
        batch=batch,
        device=device,
        replicates=replicates,
        seed=seed,
    )
    print(terminal(validated(labelled, output, report, options, saved)))


TEXT_MODEL = typer.Option(
    help="Folder of the text model; another is made by `memorization validate --model`."
)
RESULTS = typer.Option(help="Results folder of this study, whose experiment tells what copies do.")
PREVALENCE = typer.Option(help="Share of such texts that are memorized, for a probability by text.")
PARAMETERS = typer.Option(help="Of the model that is trained on the corpus, such as 1e9.")
TRAINING = typer.Option(help="Tokens that it is trained on, such as 1e11.")
BY = typer.Option(help="A row for each text, that of its riskiest window, or for each window.")
SPAN = typer.Option(
    min=1, help="From one window of a long text to the next, tokens or characters; else a window."
)
RISK_TOKENIZER = typer.Option(
    help="tokenizer.json, its folder, or `bytes`, for windows of 64 tokens; if not given and no "
    "corpus or reference, windows are of characters."
)


@app.command(cls=Lists)
@explained
def score(
    texts: Annotated[str, TEXTS],
    output: Annotated[str, typer.Option(help="Parquet, JSON Lines or CSV file, or -.")],
    report: Annotated[Path | None, REPORT] = None,
    corpus: Annotated[Path | None, CORPUS] = None,
    parameters: Annotated[float | None, PARAMETERS] = None,
    training_tokens: Annotated[float | None, TRAINING] = None,
    reference: Annotated[Path | None, REFERENCE] = None,
    prevalence: Annotated[float | None, PREVALENCE] = None,
    model: Annotated[Path, TEXT_MODEL] = SHIPPED,
    results: Annotated[Path, RESULTS] = Path("results"),
    tokenizer: Annotated[str | None, RISK_TOKENIZER] = None,
    carry: Annotated[list[str] | None, CARRY] = None,
    by: Annotated[Literal["text", "window"], BY] = "text",
    stride: Annotated[int | None, SPAN] = None,
    form: Annotated[Literal["parquet", "jsonl", "csv", "lines"] | None, FORMAT] = None,
    batch: Annotated[int, BATCH] = 256,
    device: Annotated[Literal["cpu", "cuda", "auto"], DEVICE] = "cpu",
) -> None:
    """Rank anybody's texts by how likely a language model memorizes them, with reasons."""
    from memorization.risk.command import Options, score_texts

    options = Options(
        model=model,
        results=results,
        carry=carry or (),
        corpus=corpus,
        reference=reference,
        tokenizer=tokenizer,
        prevalence=prevalence,
        parameters=parameters,
        training_tokens=training_tokens,
        stride=stride,
        by=by,
        form=form,
        batch=batch,
        device=device,
    )
    score_texts(texts, output, report, options)


class Variant(StrEnum):
    """The data that a model of Pythia was trained on."""

    DUPED = "duped"
    DEDUPED = "deduped"


class Release(StrEnum):
    """Which of the two trainings of a model of Pythia."""

    V0 = "v0"
    V1 = "v1"


CHECKED = typer.Option(
    metavar="NAME...",
    help="Models of published suites, such as 1.4b or 70m-seed3, suites, such as polypythias, or "
    "repositories as OWNER/NAME; if not given, pythia.",
)
VARIANTS = typer.Option(help="Of Pythia's models; if not given, that of params.yaml.")
RELEASES = typer.Option(help="Of Pythia's models; if not given, that of params.yaml.")
STEPS = typer.Option(metavar="STEP...", min=0, help="Checkpoints; if not given, all.")
RANGES = typer.Option("--ranges", help="Also read a few KB of each branch's embedding.")
DOWNLOAD = typer.Option(
    "--download",
    help="Also read these, and download all weights, one branch at a time: NaN and infinity, the "
    "loss on a fixed text, norms, and whether two formats hold the same.",
)
VERIFIED = typer.Option(help="Also write .json (with the steps to exclude), .parquet or .md.")


@app.command("verify-checkpoints", cls=Lists)
@judging
def verify_checkpoints(
    models: Annotated[list[str] | None, CHECKED] = None,
    variants: Annotated[list[Variant] | None, VARIANTS] = None,
    releases: Annotated[list[Release] | None, RELEASES] = None,
    steps: Annotated[list[int] | None, STEPS] = None,
    ranges: Annotated[bool, RANGES] = False,
    download: Annotated[bool, DOWNLOAD] = False,
    output: Annotated[Path | None, VERIFIED] = None,
) -> bool:
    """Find checkpoints on the hub that are not what their branches say.

    Exit status: 0 if all is right, 1 if something was found, 2 if it could not be told.
    """
    from memorization.features.own.writing import check_destination
    from memorization.params import load_params
    from memorization.verification.command import declarations, repositories, verify
    from memorization.verification.writing import check_format, terminal, write

    params = load_params()
    if output is not None:
        check_format(output)
        read = ["params.yaml", *([params.pythia.facts] if params.pythia.facts else [])]
        check_destination(output, *map(Path, read))
    suites = declarations(params.pythia.facts)
    names = repositories(params, suites, models or (), variants or (), releases or ())
    measure = None
    if download:
        from memorization.labels.checkpoints import precision
        from memorization.suite.device import choose_device
        from memorization.verification.weights import Measuring

        device = choose_device(params.device)
        measure = Measuring(device, precision(params.pythia.precision, device))
    verified = verify(names, suites, steps or None, ranges or download, measure)
    print(terminal(verified))
    if output is not None:
        write(verified, output)
    return not verified.findings


PLANNED = typer.Option(help="A model of a published suite, such as 12b.")
GPUS = typer.Option(min=1, help="So many share the sequences of a checkpoint.")
BANDWIDTH = typer.Option(help="Of the network, a second: Kbit, Mbit, Gbit, KB, MB or GB.")
DISK_SPEED = typer.Option(help="Of the disk, a second, written or read.")
SCANNED = typer.Option(
    help="Checkpoints: all, a number, every-K or log-N; if not given, those of params.yaml."
)
SAMPLED = typer.Option(min=1, help="Sequences to scan; if not given, those of params.yaml.")
CARD = typer.Option(
    help="t4, v100, a100, l4, l40s, rtx4090, h100, h200; the TFLOP/s that yours sustains, such as "
    "250; or here, to measure this machine."
)
AS_JSON = typer.Option("--json", help="Print JSON.")


@app.command()
@explained
def plan(
    target: Annotated[str, PLANNED],
    gpus: Annotated[int, GPUS] = 1,
    bandwidth: Annotated[str, BANDWIDTH] = "1Gbit",
    disk_speed: Annotated[str, DISK_SPEED] = "1GB",
    checkpoints: Annotated[str | None, SCANNED] = None,
    sequences: Annotated[int | None, SAMPLED] = None,
    card: Annotated[str, CARD] = "h100",
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Say what a scan of a published model will take, and the cascade over all of its data.

    Where there are several runs of its size, the scan is of all of them.
    """
    from memorization.params import load_params
    from memorization.planning import command
    from memorization.planning.cards import card_named
    from memorization.planning.measured import this_machine
    from memorization.planning.plan import Machine
    from memorization.suite.declared.declaration import of_target

    params = load_params()
    facts = of_target(target, params.pythia.facts)
    model = command.target_named(target, facts)
    n = sequences or command.n_sequences(target, params, facts)
    spec = checkpoints or params.labels.checkpoints
    steps = command.checkpoints_of_runs(spec, target, params, facts)
    network = command.bytes_a_second(bandwidth, "--bandwidth")
    disk = command.bytes_a_second(disk_speed, "--disk-speed")
    computes = this_machine(model, params) if card == "here" else card_named(card)
    machine = Machine(computes, gpus, network, disk)
    if as_json:
        print(json.dumps(command.plans(model, n, steps, facts, machine), indent=2))
    else:
        print(command.terminal(model, n, steps, facts, machine))


if __name__ == "__main__":
    app()
