"""The texts that were inserted, and how often, fetched from the hub."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.files import replacing, write_json
from memorization.params import Params
from memorization.protocol import SEQUENCE
from memorization.resume import file_digest, is_made_from, publish, work_folder
from memorization.sources import code_digest
from memorization.suite.declared.declaration import Declaration, of_target
from memorization.suite.hub import Repository, download, resolve
from memorization.suite.micro.candidates import continuation_surprisal
from memorization.suite.pythia.pieces import Pieces
from memorization.suite.pythia.repositories import check_pins, pin_of
from memorization.tables import ARM_UNITS, steps_column, token_column, write_table


def make_suite(params: Params, destination: Path) -> None:
    """Fetch the texts and leave them in ``destination``, with the layout of `InsertedSuite`.

    A suite that is there already and was made with the same parameters is left as it is, and the
    hub not asked.

    Raises
    ------
    UserError
        If the hub or the disk fails, or what was published is not what it should be.
    """
    facts = of_target(params.target, params.pythia.facts)
    common = {
        "facts": params.pythia.facts and file_digest(params.pythia.facts),
        "code": code_digest(__name__, apart=["memorization.suite.hub"]),
    }
    inputs = common | {"target": params.target, "revisions": params.pythia.revisions}
    if is_made_from(destination, inputs):
        return
    for unknown in facts.unknown:
        print(f"{facts.suite}: not known: {unknown}", flush=True)
    check_pins(params.pythia.revisions, facts)
    model = facts.repository_of(params.target)
    steps = facts.steps_of(model)
    sources = {name: _resolved(params, name) for name in facts.insertions}
    branch = facts.branch_of(steps[-1], model)
    source = resolve("model", model, branch, params.pythia.revisions.get(pin_of(model, branch)))
    commits = {name: found.commit for name, found in sources.items()} | {model: source.commit}
    work = work_folder("suite", inputs | {"commits": commits})
    pieces = Pieces(work, destination, common)

    def fetch_tokenizer(place: Path) -> dict[str, Any]:
        with replacing(place) as partial:
            shutil.copyfile(download(source, "tokenizer.json"), partial)
        return {}

    def make_units(place: Path) -> dict[str, Any]:
        texts = [read_texts(found, facts.insertions[name]) for name, found in sources.items()]
        units, left_out = units_of(dict(zip(sources, texts, strict=True)), tokenizer)
        phase = facts.phase_of(params.target)
        units["exposure_steps"] = exposure_steps(units["dose"].to_numpy(), phase, steps[-1])
        write_table(units[list(ARM_UNITS.columns)], place, ARM_UNITS)
        return {"units": len(units), "left_out": left_out}

    pieces.get("tokenizer", source, fetch_tokenizer, "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    inserted = {"target": params.target, "commits": commits}
    found = pieces.get("units", source, make_units, "arm.parquet", **inserted)
    write_json(_manifest(params.target, facts, commits, found, tokenizer), work / "manifest.json")
    publish(work, destination, inputs, ["manifest.json", *pieces.files()])


def _resolved(params: Params, name: str) -> Repository:
    return resolve("dataset", name, None, params.pythia.revisions.get(name))


def _manifest(
    target: str,
    facts: Declaration,
    commits: dict[str, str],
    found: dict[str, Any],
    tokenizer: Tokenizer,
) -> dict[str, Any]:
    model, repository = facts.model(target), facts.repository_of(target)
    shape = {"layers": model.layers, "hidden": model.hidden, "heads": model.heads}
    return {
        "suite": "inserted",
        "declared": facts.suite,
        "population": found["units"],
        "left_out": found["left_out"],
        "sequences_per_step": facts.sequences_per_step,
        "window": facts.window,
        "vocabulary": tokenizer.get_vocab_size(),
        "steps": list(facts.steps_of(repository)),
        "models": [
            {
                "name": target,
                "parameters": model.parameters,
                "shape": shape,
                "repository": repository,
                "commit": commits[repository],
            }
        ],
        "runs": {run: facts.repository_of(run) for run in facts.runs_of(target)},
        "phase": facts.phase_of(target),
        "datasets": {name: commits[name] for name in facts.insertions},
        "unknown": list(facts.unknown),
        "corpus": {"source": "inserted", "tokens": SEQUENCE * found["units"]},
    }


def read_texts(repository: Repository, file: str) -> list[tuple[str, int]]:
    """Return the texts of a file of JSON lines, gzipped, and how often each is inserted.

    Raises
    ------
    UserError
        If the hub fails, or a line has no text or no number of copies.
    """
    path = download(repository, file)
    found: list[tuple[str, int]] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                text, copies = row["text"], json.loads(row["meta"])["duplicates"]
                if not isinstance(text, str) or type(copies) is not int or copies < 0:
                    raise ValueError("no text, or no whole number of copies")
                found.append((text, copies))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{repository}, {file}, line {len(found) + 1}: not a text with meta.duplicates "
            f"({error}); pin another commit of the data set in pythia.revisions"
        ) from None
    return found


def units_of(
    texts: dict[str, list[tuple[str, int]]], tokenizer: Tokenizer
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the units, `memorization.tables.ARM_UNITS` but for when they were inserted.

    The first 64 tokens of each text are its sequence. A data set is a block: within each, a lottery
    decided the number of copies. ``surprisal`` is that of the continuation under n-grams of every
    second text, those that the text itself is not among.

    Parameters
    ----------
    texts : data set -> text and copies of each.

    Returns
    -------
    The units; and how many texts were ``short``, and how many were left out since another has the
    same sequence, ``alike``.
    """
    rows = [
        (name, copies, encoded.ids[:SEQUENCE])
        for name, own in texts.items()
        for (_, copies), encoded in zip(
            own,
            tokenizer.encode_batch_fast([text for text, _ in own], add_special_tokens=False),
            strict=True,
        )
    ]
    whole = [row for row in rows if len(row[2]) == SEQUENCE]
    tokens = np.array([row[2] for row in whole], np.int64).reshape(-1, SEQUENCE)
    _, place, times = np.unique(tokens, axis=0, return_inverse=True, return_counts=True)
    alone = np.flatnonzero(times[place.reshape(-1)] == 1)
    left_out = {"short": len(rows) - len(whole), "alike": len(whole) - len(alone)}
    if len(alone) < 2:
        raise UserError(f"{', '.join(texts)}: no two texts of {SEQUENCE} tokens; {left_out}")
    tokens, half = tokens[alone], np.arange(len(alone)) % 2 == 0
    surprisal = np.empty(len(alone))
    for part in (half, ~half):
        surprisal[part] = continuation_surprisal(tokens[part], tokens[~part].astype(np.uint16))
    domain = np.array([whole[row][0].rpartition("/")[2] for row in alone], dtype=object)
    dose = np.array([whole[row][1] for row in alone], np.int64)
    units = pd.DataFrame(
        {
            "unit": np.arange(len(alone)),
            "block": np.unique(domain.astype(str), return_inverse=True)[1],
            "cell": dose.astype(str).astype(object),
            "dose": dose,
            "schedule": pd.Series(["random"] * len(alone), dtype=object),
            "tokens": token_column(tokens),
            "domain": domain,
            "window": np.arange(len(alone)),
            "surprisal": surprisal,
        }
    )
    return units, left_out


def exposure_steps(dose: np.ndarray, phase: tuple[float, float] | None, last: int) -> pd.Series:
    """Return the steps in which each text is trained on, as of ``ARM_UNITS``.

    Copies are drawn uniformly from the phase. Where each is is not known, so they are put where the
    k-th of d draws is on average, k / (d + 1) of the way.

    >>> exposure_steps(np.array([0, 1, 3]), (0.5, 1.0), 80).tolist()
    [[], [61], [51, 61, 71]]
    """
    if phase is None:
        dose = np.zeros_like(dose)
    owner = np.repeat(np.arange(len(dose)), dose)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(dose) - dose, dose) + 1
    start, stop = phase or (0.0, 1.0)
    at = start + (stop - start) * rank / (dose[owner] + 1)
    return steps_column(owner, np.floor(at * last).astype(np.int64) + 1, len(dose))
