"""``memorization validate``: from a file of labelled texts to a table of scores and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.features import features_of
from memorization.features.reading import readable
from memorization.features.text import Encoder
from memorization.features.use import Sources
from memorization.files import replacing, write_json
from memorization.progress import progress
from memorization.validation.analyse import MODELS, study_of, validate
from memorization.validation.page import page
from memorization.validation.read import Labelled, read_labelled

FOLDS, SHARED_TOKENS, LEVEL = 5, 16, 0.95
# Texts as they are, and with every run of white space made one space.
WAYS = ("as_it_is", "plain")


def validated(
    path: Path,
    tokenizer: Path,
    output: Path | None,
    report: Path | None,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Return what is found of a file of labelled texts, and write it where it is wanted.

    Texts are scored twice, as they are and with each run of white space made one space: what is
    lost then was formatting, which one draw of texts may have and another may lack.

    Raises
    ------
    UserError
        If the file, its columns, or a destination are not as they must be.
    """
    for destination in (output, report):
        if destination is not None and destination.resolve() == path.resolve():
            raise UserError(f"{destination}: is what is read; write to another file")
    labelled = read_labelled(path)
    known = _tokenizer(tokenizer)
    found: dict[str, Any] = {"file": path.name}
    with (
        threadpool_limits(1),
        progress("validate", 4 * len(MODELS), "models") as advance,
    ):
        for way in WAYS:
            found[way] = _scored(labelled, way, known, replicates, seed, advance)
    if output is not None:
        write_json(found, output)
    if report is not None:
        with replacing(report) as partial:
            partial.write_text(page(found), encoding="utf-8")
    return found


def _tokenizer(path: Path) -> Tokenizer:
    if not path.is_file():
        raise UserError(
            f"{path}: no such tokenizer; pass a tokenizer.json (--tokenizer), or make the study's: "
            "dvc repro suite"
        )
    with readable(path, "tokenizer"):
        return Tokenizer.from_file(str(path))


def _scored(
    labelled: Labelled, way: str, tokenizer: Tokenizer, replicates: int, seed: int, advance: Any
) -> dict[str, Any]:
    texts = labelled.texts
    if way == "plain":
        texts = [" ".join(text.split()) for text in texts]
    rng = np.random.default_rng(seed)
    tokens, lengths = Encoder(tokenizer).first_tokens(texts)
    table = features_of(texts, Sources(tokenizer), short="null").drop(columns="index")
    known = [name for name in table if table[name].notna().any()]
    study = study_of(tokens, table[known], texts, labelled.truth, FOLDS, SHARED_TOKENS, rng)
    bootstrap = Bootstrap.of(study.cluster, replicates, LEVEL, rng)
    given = {
        "length in characters": np.array([len(text) for text in texts], np.float64),
        "length in tokens, at most 64": lengths.astype(np.float64),
    } | labelled.given
    return validate(study, texts, given, bootstrap, advance)
