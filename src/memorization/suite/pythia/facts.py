"""What was published of Pythia, as far as this code relies on it; each fact with its source.

``PUBLISHED`` describes EleutherAI's suite. Another file describes another suite of the same layout,
such as a small one of one's own or the tests' stand-in: ``pythia.facts`` in params.yaml names it, a
JSON file whose keys are the fields of :class:`Facts`::

    {"population": 12000, "sequences_per_step": 12, "window": 128, "steps": [125, 250, …, 1000],
     "models": [{"name": "70m", "parameters": 9216, "layers": 1, "hidden": 16, "heads": 2,
                 "vocabulary": 512}, …],
     "rows": {"duped.70m": 321, …}, "sample_rows": 6000,
     "evaluated": {"12b": [250, 500]}}

``models`` are in order of size and may be some of Pythia's only; ``rows`` may leave out a split,
whose rows are then not counted; ``evaluated`` may be empty, and ``first_epoch`` be left out.
Repositories, files, columns and splits are named alike in every such suite: see
:mod:`memorization.suite.pythia.repositories`.

Sources: the README of github.com/EleutherAI/pythia (commit a19eecb), the cards of the data sets and
models on the Hugging Face hub, and the papers: Biderman et al. 2023a, "Pythia" (arXiv:2304.01373);
Biderman et al. 2023b, "Emergent and predictable memorization" (arXiv:2304.11158).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from memorization.errors import UserError


@dataclass(frozen=True)
class PublishedModel:
    """One size of the suite.

    Attributes
    ----------
    name : as in the splits of the published labels.
    parameters : all of them, embeddings included.
    layers, hidden, heads : the shape.
    vocabulary : rows of the embedding, padded beyond the tokenizer's.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    parameters: int
    layers: int
    hidden: int
    heads: int
    vocabulary: int

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of one checkpoint: two a parameter, and the causal masks that are saved with it.

        The masks are 2048 × 2048 bytes a layer. Agrees with the hub's listings (70m 166 MB, 1b
        2.09 GB, 2.8b 5.68 GB, 12b 23.85 GB); a few checkpoints were uploaded in float32.

        >>> [round(model.checkpoint_bytes / 1e6) for model in PUBLISHED.models][:3]
        [166, 375, 911]
        """
        return 2 * self.parameters + self.layers * 2048 * 2048


@dataclass(frozen=True)
class Facts:
    """What a published suite consists of.

    Attributes
    ----------
    population : number of training sequences, all of them evaluated.
    sequences_per_step : sequences in a batch; a sequence is seen in step index // this + 1.
    window : tokens of a training row: the inputs and one more, since targets are shifted by one.
    steps : checkpoints, evenly spaced, ascending; the last is the end of training.
    models : from small to large.
    rows : split of the labels -> rows of its files, repeated indices included.
    sample_rows : rows of the published random sample.
    evaluated : model -> steps before the last at which its memorization was published; such an
        evaluation covers the sequences seen by then, index < sequences_per_step · step.
    first_epoch : variant -> the step near which its data have been gone through once; a variant
        whose training ends before is left out.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    population: int
    sequences_per_step: int
    window: int
    steps: tuple[int, ...]
    models: tuple[PublishedModel, ...]
    rows: Mapping[str, int]
    sample_rows: int
    evaluated: Mapping[str, tuple[int, ...]]
    first_epoch: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the order, on which it depends what is smaller, earlier and last."""
        sizes = [model.parameters for model in self.models]
        if not sizes or not _ascend(sizes):
            raise ValueError(
                f"models: must be from small to large, each larger than the one before; {sizes}"
            )
        if not self.steps or not _ascend([0, *self.steps]):
            raise ValueError(f"steps: must be above 0 and ascend; {list(self.steps)}")
        for name, steps in self.evaluated.items():
            if not _ascend([0, *steps, self.steps[-1]]):
                raise ValueError(
                    f"evaluated: {name}: must ascend and be before the last step, "
                    f"{self.steps[-1]}; {list(steps)}"
                )

    def model(self, name: str) -> PublishedModel:
        """Return a model by its name.

        Raises
        ------
        UserError
            If the suite has none of this name.
        """
        for model in self.models:
            if model.name == name:
                return model
        known = ", ".join(model.name for model in self.models)
        raise UserError(f"target='{name}': the suite described by pythia.facts has only {known}")

    def up_to(self, name: str) -> list[PublishedModel]:
        """Return the models with at most as many parameters as one, from small to large."""
        largest = self.model(name).parameters
        return [model for model in self.models if model.parameters <= largest]


def _ascend(numbers: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def read_facts(path: str | Path | None) -> Facts:
    """Return the facts in a JSON file; None: those of EleutherAI's suite.

    Raises
    ------
    UserError
        If the file is missing or does not describe a suite.
    """
    if path is None:
        return PUBLISHED
    try:
        return TypeAdapter(Facts).validate_json(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"pythia.facts={path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"pythia.facts={path}: {key + ': ' if key else ''}{message}") from None


# Layers, hidden size and heads: README, "Models"; parameters: the models' cards, which agree with
# 2·V·h + L·(12h² + 13h) + 2h for untied embeddings of V rows; V: config.json of each.
_MODELS = (
    PublishedModel("70m", 70_426_624, 6, 512, 8, 50_304),
    PublishedModel("160m", 162_322_944, 12, 768, 12, 50_304),
    PublishedModel("410m", 405_334_016, 24, 1024, 16, 50_304),
    PublishedModel("1b", 1_011_781_632, 16, 2048, 8, 50_304),
    PublishedModel("1.4b", 1_414_647_808, 24, 2048, 16, 50_304),
    PublishedModel("2.8b", 2_775_208_960, 32, 2560, 32, 50_304),
    PublishedModel("6.9b", 6_857_302_016, 32, 4096, 32, 50_432),
    PublishedModel("12b", 11_846_072_320, 36, 5120, 40, 50_688),
)

# Card of the data set (num_examples: rows of the files, so repeated indices are in the count; the
# same author's table joined on the index has a few rows more: 2,382,328 for duped.12b). Of 12b's
# earlier evaluations the card's history states these four; the others are not checked.
_ROWS = {
    "duped": (463_953, 689_673, 970_341, 1_256_141, 1_373_722, 1_675_077, 2_120_969, 2_382_326),
    "deduped": (411_448, 581_195, 811_039, 1_032_865, 1_048_097, 1_355_211, 1_680_294, 1_871_215),
}
_EARLIER_ROWS = {
    "duped.12b.23000": 198_175,
    "duped.12b.43000": 442_253,
    "deduped.12b.63000": 585_067,
    "deduped.12b.83000": 852_068,
}

# 143,000 steps of 1024 rows of 2049 tokens, a checkpoint every 1000 (README, "Models", and issue
# 123 on the row's length); the evaluation script reads checkpoint · 1024 rows
# (predictable-memorization/eval_memorization.py), so all of them at the end.
PUBLISHED = Facts(
    population=146_432_000,
    sequences_per_step=1024,
    window=2049,
    steps=tuple(range(1000, 143_001, 1000)),
    models=_MODELS,
    rows={
        f"{variant}.{model.name}": n
        for variant, counts in _ROWS.items()
        for model, n in zip(_MODELS, counts, strict=True)
    }
    | _EARLIER_ROWS,
    sample_rows=5_000_000,
    evaluated={"12b": (23_000, 43_000, 63_000, 83_000, 103_000, 123_000)},
    # 207 billion tokens without duplicates, 2,097,152 a step: about 1.5 epochs (Biderman et al.
    # 2023a, section 2.1). With duplicates the training ends within the first.
    first_epoch={"deduped": 98_786},
)
