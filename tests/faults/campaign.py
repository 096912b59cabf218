"""The long campaign: every kind of fault, many times, judged by one rule, counted in a table.

    python tests/faults/campaign.py --seed 1 --moments 50 --table docs/faults.md

``make faults`` runs it. `faults.injected.trial` holds the rule, its neighbours the faults. The exit
code is 1 unless all was right.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.injected import hub, kills, params, tables
from faults.injected.trial import Trial, Verdict, judge

# What the commands load when they need it; loaded here, each fault's process has it.
LIBRARIES = (
    *(f"memorization.stages.{name}" for name in (*kills.STAGES, "association", "when")),
    "memorization.features.own.command",
    "memorization.harness",
    "memorization.risk.command",
    "memorization.validation.command",
    "memorization.validation.page",
)
OUTCOMES = ("right", "wrong", "silent")
HEADER = ("| kind | tried | right | wrong | silent |", "| --- | ---: | ---: | ---: | ---: |")
KINDS = ("kills", "dvc", "hub", "params", "tables")
# A run of DVC takes twenty times as long as one of a stage by itself.
MOMENTS_OF_DVC = 10

# Of trials in an order drawn at random, so that each kind has its share.
STOPPED = " It was\nstopped when it had injected {} of {}."
LEFT_OUT = " Of `--kinds` it\nleft out: {}."

PAGE = """# Faults

`make faults` injects {total} faults and counts how they end. With seed {seed}, on {cores}
cores, it last took {minutes} minutes, and {cpu} minutes of CPU time.{left_out}{stopped}

{table}

## The rule

One rule judges all of them.

- *Right*: the command ended well, and left the bytes that an undisturbed run leaves. Or it ended
  with one line that says what is wrong, without a traceback, and had changed nothing that was
  there; of params the line must name the key, of tables the file and the column. Then the fault is
  mended, and the same command must leave the bytes that an undisturbed run leaves. It is not run
  again where the whole folder is, to the byte, what an undisturbed run begins with. After a kill,
  only what the same command leaves counts.
- *Silent*: it ended well and left other bytes.
- *Wrong*: all else.

## What is injected

**Kills.** A miniature of the pipeline is killed with SIGKILL, which no program can catch: at random
moments of its stages `suite`, `sequences`, `labels`, `features` and `split`; before every operation
by which Python changes a file in them (open for writing, rename, remove, make or remove a folder),
leaving a torn file where one is opened for writing; and, under `dvc repro`, DVC and all that it has
started. Weights and Parquet are written by libraries, whose single operations Python does not see;
only the random moments may fall into them.

**The hub.** A server on the same machine stands in for the Hugging Face hub. It fails in every way
that it knows, at each kind of request, for two requests or for all: it is silent, answers with an
HTTP error or the page of a portal, cuts a file, sends it short, slowly, without an end or with
other bytes, names another commit, lets a link expire, or names a wrong next page. It also serves
labels, samples, counts and rows that contradict each other.

**Params.** A value of `params.yaml` is left out, misspelt, given twice, or replaced by one of
another type or out of range. The first stage must refuse it before it begins.

**Tables.** Those that stages pass on, and those that users give to `memorization evaluate`,
`memorization validate`, `memorization features` and `memorization score`: they are missing, empty,
cut or no table at all; a column is dropped, renamed or of another type; there is a null, a key
twice, NaN or infinity, or no row.

## Again

`python tests/faults/campaign.py --kinds params tables` injects some kinds alone, and
`python tests/faults/campaign.py --seed 1` draws others. The seed fixes what is drawn, but a moment
is in seconds, and no two runs are equally fast. The tests in `tests/faults` hold each fault that
was once found; `make test` runs them.
"""


def of_kinds(kinds: Iterable[str], moments: int, most: int, seed: int, place: Path) -> list[Trial]:
    """Return the trials of some kinds; at most so many of params and of tables."""

    def rng(kind: str) -> np.random.Generator:
        return np.random.default_rng([seed, KINDS.index(kind)])

    trials: list[Trial] = []
    made = kills.make_miniature(place) if {"kills", "params", "tables"} & set(kinds) else None
    if "kills" in kinds:
        trials += kills.at_moments(made, moments, rng("kills")) + kills.at_operations(made)
    if "dvc" in kinds:
        n = max(1, moments // MOMENTS_OF_DVC)
        trials += kills.of_dvc(kills.repository(place), place, n, rng("dvc"))
    if "hub" in kinds:
        trials += hub.of_the_hub(place, rng("hub"))
    if "params" in kinds:
        trials += params.of_params(made, most, rng("params"))
    if "tables" in kinds:
        trials += tables.of_tables(made, place, most, rng("tables"))
    return trials


def verdicts(trials: Sequence[Trial], processes: int, seconds: float) -> Iterator[Verdict]:
    """Judge trials, some side by side, until the time is up; yield what each came to.

    What was not right is told at once.
    """
    global _trials
    _trials = trials  # found by forks: what a trial runs cannot be pickled
    start = time.monotonic()
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        judged = as_completed([pool.submit(_judge, place) for place in range(len(trials))])
        for done, verdict in enumerate((future.result() for future in judged), 1):
            if verdict.outcome != "right":
                print(f"{verdict.outcome}: {verdict.kind}: {verdict.name}: {verdict.why}")
            now = time.monotonic() - start
            if done % 50 == 0 or done == len(trials):
                print(f"{done} of {len(trials)}, {now:.0f} s", flush=True)
            yield verdict
            if now > seconds:
                pool.shutdown(cancel_futures=True)
                return


_trials: Sequence[Trial] = ()


def _judge(place: int) -> Verdict:
    return judge(_trials[place])


def table(found: Iterable[Verdict]) -> str:
    """Return how many of each kind were tried, and came to what, as Markdown."""
    counts = Counter((verdict.kind, verdict.outcome) for verdict in found)
    rows = []
    for kind in [*dict.fromkeys(kind for kind, _ in counts), "all"]:
        own = [sum(n for (k, o), n in counts.items() if o == outcome and kind in (k, "all"))
               for outcome in OUTCOMES]  # fmt: skip
        rows.append(f"| {' | '.join([kind, *map(str, (sum(own), *own))])} |")
    return "\n".join([*HEADER, *rows])


def page(
    found: Sequence[Verdict],
    planned: int,
    seed: int,
    cores: int,
    seconds: float,
    cpu: float,
    kinds: Collection[str] = KINDS,
) -> str:
    """Return the page that says what was injected, what it came to, and how long that took.

    Parameters
    ----------
    planned : how many faults there were to inject; more than were found where time was up.
    seconds, cpu : of wall time, and of CPU time.
    kinds : those that were injected.
    """
    left_out = [kind for kind in KINDS if kind not in kinds]
    return PAGE.format(
        left_out=LEFT_OUT.format(", ".join(left_out)) if left_out else "",
        total=planned,
        stopped="" if len(found) == planned else STOPPED.format(len(found), planned),
        minutes=round(seconds / 60),
        cpu=round(cpu / 60),
        cores=cores,
        seed=seed,
        table=table(found),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; return 1 if something was wrong or silent."""
    parser = argparse.ArgumentParser(prog="campaign.py", description=__doc__.splitlines()[0])
    add: Callable[..., object] = parser.add_argument
    add("--seed", type=int, default=0, help="of what is drawn")
    add("--moments", type=int, default=50, help="random moments to kill stages at")
    add("--most", type=int, default=100, help="bad params and bad tables, of each so many")
    add("--kinds", nargs="+", choices=KINDS, default=KINDS)
    add("--processes", type=int, default=2, help="faults side by side")
    add("--minutes", type=float, default=math.inf, help="no fault is injected after so many")
    add("--table", type=Path, help="page to write")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    start = time.monotonic()
    torch.set_num_threads(1)  # others would not survive the forks
    for library in LIBRARIES:
        importlib.import_module(library)
    with TemporaryDirectory(prefix="faults-") as place:
        trials = of_kinds(options.kinds, options.moments, options.most, options.seed, Path(place))
        np.random.default_rng(options.seed).shuffle(trials)
        limit = 60 * options.minutes
        found = sorted(verdicts(trials, options.processes, limit), key=lambda own: own.kind)
    print(table(found))
    if options.table is not None:
        seconds, cpu = time.monotonic() - start, sum(os.times()[:4])
        cores = os.cpu_count() or 1
        text = page(found, len(trials), options.seed, cores, seconds, cpu, options.kinds)
        options.table.write_text(text, "utf-8")
    return int(any(verdict.outcome != "right" for verdict in found))


if __name__ == "__main__":
    sys.exit(main())
