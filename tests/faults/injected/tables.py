"""Tables that cannot be: those that stages pass on, and those that users bring."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
from faults.injected.kills import Miniature, stage
from faults.injected.trial import Trial, contents, run
from made_up_study import survival_study, write_tables
from miniature_study import POPULATION, write_study
from pandera.pandas import DataFrameSchema
from pipeline.conftest import MINIATURE, ROOT

from memorization import tables
from memorization.cli import app
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.params import read_yaml
from memorization.risk import SHIPPED

Change = Callable[[pa.Table], pa.Table]
STAGES, USERS = "bad tables of stages", "bad tables of users"
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Wrong:
    """A table that is damaged, and what a refusal must name.

    Attributes
    ----------
    name : of the damage.
    damage : done to the file.
    words : the file's name, and that of the column where one is damaged.
    """

    name: str
    damage: Callable[[Path], object]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """A table, and a command that reads it.

    Attributes
    ----------
    kind : of the trial.
    start, file : the folder, and the table in it.
    command, expected : as of a trial.
    whole : columns without nulls; others may have them.
    key : a column that holds each value once, of known ones; none: no column does.
    numbers : column -> numbers that it must not hold.
    unread : columns that the command does without.
    may_be_empty : whether a table without rows is one.
    """

    kind: str
    start: Path
    file: str
    command: Callable[[], object]
    expected: dict[str, bytes]
    whole: Sequence[str]
    key: str = ""
    numbers: Mapping[str, Sequence[float]] = field(default_factory=dict)
    unread: Sequence[str] = ()
    may_be_empty: bool = False

    def trials(self) -> Iterator[Trial]:
        path = self.start / self.file
        wrongs = [*_of_any_file(path), *_of_columns(self, path)]
        for wrong in wrongs:
            yield Trial(
                self.kind,
                f"{self.file}: {wrong.name}",
                self.start,
                self.command,
                self.expected,
                damage=lambda folder, wrong=wrong: wrong.damage(folder / self.file),
                words=wrong.words,
            )


def _of_any_file(path: Path) -> Iterator[Wrong]:
    content = path.read_bytes()
    wrongs = {"empty": b"", "no table": b"PK\x00\x01 no table at all\xff" * 9}
    if path.suffix != ".csv":  # of which a part is a table
        wrongs |= {"cut in the middle": content[: len(content) // 2], "no end": content[:-10]}
    for name, wrong in wrongs.items():
        yield Wrong(name, lambda file, wrong=wrong: file.write_bytes(wrong), (path.name,))
    yield Wrong("missing", lambda file: file.unlink(), (path.name,))


def _of_columns(read: Read, path: Path) -> Iterator[Wrong]:
    if path.suffix == ".npz":
        yield from _of_arrays(read, path)
        return

    def changed(name: str, change: Change, *columns: str) -> Wrong:
        def damage(file: Path) -> None:
            _write(change(_read(file)), file)

        return Wrong(name, damage, (path.name, *columns))

    for column in (name for name in _read(path).column_names if name not in read.unread):
        yield changed(f"{column} dropped", lambda table, c=column: table.drop_columns(c), column)
        yield changed(f"{column} renamed", partial(_renamed, column=column), column)
        yield changed(f"{column} of another type", partial(_other_type, column=column), column)
        if column in read.whole:
            yield changed(f"{column} with a null", partial(_first, column=column), column)
        for value in read.numbers.get(column, ()):
            change = partial(_first, column=column, value=value)
            yield changed(f"{column} with {value}", change, column)
    if read.key:
        yield changed("a key twice", lambda table: pa.concat_tables([table, table[:1]]), read.key)
        minus = partial(_first, column=read.key, value=-1)
        yield changed("a negative key", minus)
    if not read.may_be_empty:
        yield changed("no rows", lambda table: table[:0])


def _of_arrays(read: Read, path: Path) -> Iterator[Wrong]:
    """Yield damages of the arrays of an ``.npz`` file."""

    def changed(name: str, change: Callable[[dict], object], *arrays: str) -> Wrong:
        def damage(file: Path) -> None:
            with np.load(file) as saved:
                arrays = dict(saved)
            change(arrays)
            np.savez(file, **arrays)

        return Wrong(name, damage, (path.name, *arrays))

    for array in read.whole:
        yield changed(f"{array} dropped", lambda found, a=array: found.pop(a), array)
    index = read.key
    yield changed("other rows", lambda found: found.update({index: found[index] + 1}), index)


def _read(path: Path) -> pa.Table:
    if path.suffix == ".csv":
        return pa.Table.from_pandas(pd.read_csv(path), preserve_index=False)
    return parquet.read_table(path)


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        parquet.write_table(table, path)


def _renamed(table: pa.Table, column: str) -> pa.Table:
    return table.rename_columns([f"{c}_2" if c == column else c for c in table.column_names])


def _replaced(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, values)


def _other_type(table: pa.Table, column: str) -> pa.Table:
    kind = table[column].type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _replaced(table, column, pa.array(np.arange(len(table)) + 0.5))
    return _replaced(table, column, pa.array([f"word {row}" for row in range(len(table))]))


def _first(table: pa.Table, column: str, value: object = None) -> pa.Table:
    """Put a value, by default a null, into the first row of a column."""
    rest = table[column].combine_chunks()[1:]
    first = pa.array([value], rest.type)
    return _replaced(table, column, pa.concat_arrays([first, rest]))


def _whole(schema: DataFrameSchema) -> tuple[str, ...]:
    return tuple(name for name, column in schema.columns.items() if not column.nullable)


def of_stages(made: Miniature, place: Path) -> list[Read]:
    """Return the tables that stages read, and the stages: of the miniature, and of a made-up study
    where some sequences are memorized."""
    found = []
    for file, schema, stages in (
        ("sequences", tables.SEQUENCES, ("labels", "features", "split")),
        ("labels", tables.LABELS, ("split",)),
    ):
        numbers = {"weight": (NAN, INF), "when_weight": (INF,)} if file == "sequences" else {}
        for name in stages:
            found.append(
                Read(
                    STAGES,
                    made.finished,
                    f"results/{file}.parquet",
                    partial(stage, name),
                    made.after["split"],
                    _whole(schema),
                    "index",
                    numbers,
                )
            )
    start, reads = _made_up_study(place), []
    for file, schema, name in (
        ("features", tables.FEATURES, "association"),
        ("splits", tables.SPLITS, "association"),
        ("exposures", tables.EXPOSURES, "when"),
    ):
        reads.append(
            Read(
                STAGES,
                start,
                f"results/{file}.parquet",
                partial(stage, name),
                {},
                ("index",) if file == "features" else _whole(schema),
                "index",
                {"duplication.sequence_count": (INF,)} if file == "features" else {},
            )
        )
    arrays = tuple(f.name for f in fields(Trajectories))
    reads.append(
        Read(STAGES, start, "results/trajectories.npz", partial(stage, "when"), {}, arrays, "index")
    )
    return found + _undisturbed(start, reads)


def _made_up_study(place: Path) -> Path:
    folder = place / "made-up"
    write_tables(survival_study(200, 0)[0], folder / "results")
    times = {"source": "scan", "reason": "made up", "cost": None}
    write_metrics({"times": times}, folder / "results/metrics/labels.json")
    params = read_yaml(MINIATURE)
    params["when"] |= {"models": ["kaplan_meier", "aft"]}
    params["bootstrap"] |= {"replicates": 20}
    (folder / "params.yaml").write_text(json.dumps(params))
    return folder


def _undisturbed(start: Path, reads: Sequence[Read]) -> list[Read]:
    """Run each command, in its start, and keep what that leaves as what is expected."""
    for read in reads:
        ended = run(read.command, start)
        assert ended.code == 0, ended.said
    return [replace(read, expected=contents(start)) for read in reads]


COMMANDS = ("evaluate", "validate", "features", "score")


def of_users(place: Path, commands: Collection[str] = COMMANDS) -> list[Read]:
    """Return the tables that users bring, and some of the commands that read them."""
    start = place / "user"
    write_study(start / "results")
    shutil.copytree(ROOT / SHIPPED, start / SHIPPED)
    rng = np.random.default_rng(0)
    texts = [" ".join(map(str, rng.integers(100, 999, 40))) for _ in range(60)]
    index = np.arange(POPULATION)
    labelled = pd.DataFrame({"text": texts, "memorized": rng.integers(0, 2, 60)})
    scores = pd.DataFrame({"index": index, "score": np.sin(index)})
    reads = []
    for name, table, command, options in (
        ("scores", scores, "evaluate", ("--output", "{}.json")),
        ("labelled", labelled, "validate", ("--output", "{}.json", "--replicates", "20")),
        ("texts", labelled[["text"]], "features", ("{}.features.parquet",)),
        ("risky", labelled[["text"]], "score", ("--output", "{}.risk.parquet")),
    ):
        if command not in commands:
            continue
        are_read = name in ("scores", "labelled")
        for suffix in (".parquet", ".csv") if are_read else (".parquet",):
            file = f"{name}{suffix}"
            _write(pa.Table.from_pandas(table, preserve_index=False), start / file)
            arguments = [command, file, *(option.format(file) for option in options)]
            reads.append(
                Read(
                    USERS,
                    start,
                    file,
                    partial(app, arguments),
                    {},
                    tuple(table.columns) if are_read else (),
                    "index" if name == "scores" else "",
                    {"score": (NAN,)} if name == "scores" else {},
                )
            )
    return _undisturbed(start, reads)


def of_tables(made: Miniature, place: Path, n: int, rng: np.random.Generator) -> list[Trial]:
    """Return n damaged tables, as many of each that is read as can be."""
    by_read = [list(read.trials()) for read in (*of_stages(made, place), *of_users(place))]
    chosen: list[Trial] = []
    while len(chosen) < n and any(by_read):
        for trials in by_read:
            if trials and len(chosen) < n:
                chosen.append(trials.pop(int(rng.integers(len(trials)))))
    return chosen
