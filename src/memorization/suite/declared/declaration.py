"""A suite as its file declares it, ``NAME.toml`` in this folder.

A file says which models there are and how their repositories and branches are named, at which steps
there are checkpoints, which data sets hold what, where the labels come from, and what of all that
is known to be wrong. ``layout`` says what can be made of it: ``evaluated`` (labels of a population
were published, see :mod:`memorization.suite.pythia`), ``inserted`` (texts were inserted as often as
a lottery said, see :mod:`memorization.suite.inserted`) or ``checkpoints`` (they can be verified,
and nothing be studied). ``extends`` names a suite whose declarations hold where the file has none
of its own.

``pythia.facts`` in params.yaml names a JSON file with other values for some keys, such as the sizes
of a small suite of one's own, or of the tests' stand-in::

    {"population": 12000, "sequences_per_step": 12, "window": 128, "steps": [125, 250, …, 1000],
     "models": [{"name": "70m", "parameters": 9216, "layers": 1, "hidden": 16, "heads": 2,
                 "vocabulary": 512}, …],
     "rows": {"duped.70m": 321, …}, "sample_rows": 6000,
     "evaluated": {"12b": [250, 500]}, "first_epoch": {}}
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from memorization.errors import UserError
from memorization.registered import published

SUITES = {
    "pythia": "pythia.toml",
    "polypythias": "polypythias.toml",
    "hubble": "hubble.toml",
    "olmo2": "olmo2.toml",
}


@dataclass(frozen=True)
class PublishedModel:
    """One size of a suite, or one run of it.

    Attributes
    ----------
    name : of a size, as in the splits of published labels; of a run, the target's.
    parameters : all of them, embeddings included.
    layers, hidden, heads : the shape.
    vocabulary : rows of the embedding, padded beyond the tokenizer's.
    cases : of a size without published labels, the size whose labels choose the sequences; None:
        its own.
    steps : its checkpoints; None: the suite's.
    tokens_per_step : of training, where branches are named after them.
    architecture : as ``model_type`` in its ``config.json``.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    parameters: int
    layers: int
    hidden: int
    heads: int
    vocabulary: int
    cases: str | None = None
    steps: tuple[int, ...] | None = None
    tokens_per_step: int | None = None
    architecture: Literal["gpt_neox", "llama", "olmo2"] = "gpt_neox"

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of one checkpoint: two a parameter, and of GPT-NeoX the causal masks beside it.

        The masks are 2048 × 2048 bytes a layer. Agrees with the hub's listings (70m 166 MB, 1b
        2.09 GB, 2.8b 5.68 GB, 12b 23.85 GB); a few checkpoints were uploaded in float32.

        >>> [round(model.checkpoint_bytes / 1e6) for model in read_declaration().models][:3]
        [166, 375, 911]
        """
        masks = self.layers * 2048 * 2048 if self.architecture == "gpt_neox" else 0
        return 2 * self.parameters + masks


@dataclass(frozen=True)
class Runs:
    """Runs of some sizes: trainings that differ in a seed, or in what was inserted when.

    Attributes
    ----------
    models, names : each of these sizes has a run of each of these names.
    repository : how theirs are named; None: as the suite's.
    phase : the part of training in which texts are inserted, from and to; None: nothing is.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    models: tuple[str, ...]
    names: tuple[str, ...]
    repository: str | None = None
    phase: tuple[float, float] | None = None


@dataclass(frozen=True)
class Declaration:
    """What a published suite consists of.

    Names hold ``{model}``, ``{run}``, ``{variant}`` and ``{release}``, which are filled in.

    Attributes
    ----------
    suite, layout : see the module.
    repository, branch : of a model, and of a checkpoint, which holds ``{step}`` and may hold
        ``{tokens}``, the billions seen by then, rounded up.
    steps : checkpoints, ascending; the last is the end of training.
    models : from small to large.
    population : number of training sequences, all of them evaluated.
    sequences_per_step : sequences in a batch; a sequence is seen in step index // this + 1.
    window : tokens of a training row: the inputs and one more, since targets are shifted by one.
    early : steps before the first of ``steps``, of all releases but ``v0``.
    variants, releases : name -> what stands for it in a repository's name.
    datasets : what it holds -> its repository, or that of each variant.
    rows : split of the labels -> rows of its files, repeated indices included.
    sample_rows : rows of the published random sample.
    evaluated : model -> steps before the last at which its memorization was published; such an
        evaluation covers the sequences seen by then, index < sequences_per_step · step.
    first_epoch : variant -> the step near which its data have been gone through once; a variant
        whose training ends before is left out.
    runs : of some sizes there are several; each is a target, SIZE-RUN, and the size itself is none.
    insertions : data set -> its file of texts, JSON lines, gzipped: ``text``, and in the JSON of
        ``meta`` the number of copies, ``duplicates``.
    unknown : what the declaration cannot tell, in words; a run says it.
    wrong : ``owner/name@branch`` -> what is wrong with it, of checkpoints that no scan reads.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    suite: str
    layout: Literal["evaluated", "inserted", "checkpoints"]
    repository: str
    branch: str
    steps: tuple[int, ...]
    models: tuple[PublishedModel, ...]
    population: int = 0
    sequences_per_step: int = 1
    window: int = 0
    early: tuple[int, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    sample_rows: int = 0
    evaluated: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    first_epoch: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[Runs, ...] = ()
    insertions: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    wrong: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the order, on which it depends what is smaller, earlier and last."""
        sizes = [model.parameters for model in self.models]
        # Only where a smaller model tells of a larger one, each must be larger than the one before.
        if not sizes or not (_ascend(sizes) if self.labelled else sizes == sorted(sizes)):
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

    @property
    def targets(self) -> dict[str, tuple[PublishedModel, str | None]]:
        """What can be studied, by name: the size and the run; without runs, every size."""
        if not self.runs:
            return {model.name: (model, None) for model in self.models}
        return {
            f"{model.name}-{run}": (model, run)
            for model in self.models
            for runs in self.runs
            if model.name in runs.models
            for run in runs.names
        }

    def model(self, name: str) -> PublishedModel:
        """Return a model by its name, or that of a target by the target's.

        Raises
        ------
        UserError
            If the suite has none of this name.
        """
        known = {model.name: model for model in self.models}
        known |= {own: replace(model, name=own) for own, (model, _) in self.targets.items()}
        if name not in known:
            raise UserError(
                f"target='{name}': the suite described by pythia.facts has only "
                f"{', '.join(self.targets)}"
            )
        return known[name]

    @property
    def labelled(self) -> list[PublishedModel]:
        """The sizes whose labels were published, from small to large."""
        if "labels" not in self.datasets:
            return []
        return [model for model in self.models if model.cases is None]

    def smaller(self, name: str) -> list[PublishedModel]:
        """Return the labelled sizes with fewer parameters than a model, from small to large."""
        largest = self.model(name).parameters
        return [model for model in self.labelled if model.parameters < largest]

    def cases_of(self, target: str) -> str:
        """Return the model whose published labels choose the sequences that are studied."""
        size, _ = self.targets[target]
        return size.cases or size.name

    def repository_of(self, target: str, variant: str = "", release: str = "") -> str:
        """Return the hub's name of a target; its checkpoints are branches.

        >>> read_declaration().repository_of("1.4b", "deduped", "v0")
        'EleutherAI/pythia-1.4b-deduped-v0'
        >>> poly = read_declaration("polypythias")
        >>> poly.repository_of("14m-seed3"), poly.repository_of("14m-seed0")
        ('EleutherAI/pythia-14m-seed3', 'EleutherAI/pythia-14m')
        """
        size, run = self.targets[target]
        own = [r.repository for r in self.runs if size.name in r.models and run in r.names]
        name = next(filter(None, own), self.repository)
        return name.format(
            model=size.name,
            run=run,
            variant=self.variants.get(variant, ""),
            release=self.releases.get(release, ""),
        )

    def runs_of(self, target: str) -> list[str]:
        """Return all targets that are runs of the same size, the target among them; or none."""
        size, run = self.targets[target]
        return [name for name, (own, _) in self.targets.items() if run and own is size]

    def repositories(self) -> list[str]:
        """Return the repositories of all targets, of every variant and release."""
        return list(self._by_repository)

    def phase_of(self, target: str) -> tuple[float, float] | None:
        """Return the part of training in which a run has texts inserted; None: in none."""
        size, run = self.targets[target]
        own = (runs for runs in self.runs if size.name in runs.models and run in runs.names)
        return next((runs.phase for runs in own), None)

    def dataset(self, what: str, variant: str) -> str:
        """Return the hub's name of a data set, by what it holds."""
        name = self.datasets[what]
        return (name if isinstance(name, str) else name[variant]).format(variant=variant)

    def all_datasets(self) -> list[str]:
        """Return the hub's names of all data sets, of every variant."""
        pairs = [(what, variant) for what in self.datasets for variant in self.variants or [""]]
        names = [self.dataset(what, variant) for what, variant in pairs]
        return list(dict.fromkeys([*names, *self.insertions]))

    def steps_of(self, repository: str) -> tuple[int, ...]:
        """Return the checkpoints of a repository; of one that is not declared, the suite's."""
        model = self._by_repository.get(repository)
        return self.steps if model is None or model.steps is None else model.steps

    def branch_of(self, step: int, repository: str = "") -> str:
        """Return the branch of a checkpoint of a repository."""
        model = self._by_repository.get(repository)
        seen = step * (model.tokens_per_step or 0) if model else 0
        return self.branch.format(step=step, tokens=-(-seen // 10**9))

    @functools.cached_property
    def _by_repository(self) -> dict[str, PublishedModel]:
        return {
            self.repository_of(target, variant, release): model
            for target, (model, _) in self.targets.items()
            for variant in self.variants or [""]
            for release in self.releases or [""]
        }


def _ascend(numbers: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def read_declaration(suite: str = "pythia", facts: str | Path | None = None) -> Declaration:
    """Return a suite as declared, with other values for what a JSON file of facts names.

    Raises
    ------
    UserError
        If the file is missing or does not describe a suite.
    """
    if facts is None:
        return _shipped(suite)
    try:
        changed = json.loads(Path(facts).read_bytes())
        if not isinstance(changed, dict):
            raise UserError(f"pythia.facts={facts}: must be a JSON object of keys to values")
        if "steps" in changed:
            # Those that are known of the declared steps are not of these.
            changed = {"early": [], "wrong": {}} | changed
        return _described(_declared(suite) | changed)
    except OSError as error:
        raise UserError(f"pythia.facts={facts}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"pythia.facts={facts}: {key + ': ' if key else ''}{message}") from None
    except ValueError as error:
        raise UserError(f"pythia.facts={facts}: not valid JSON ({error})") from None


def of_target(target: str, facts: str | Path | None = None) -> Declaration:
    """Return the declaration of the suite that a target is of; Pythia's, of one trained here.

    Raises
    ------
    UserError
        As `read_declaration`.
    """
    suite, _ = published().get(target, ("pythia", 0))
    return read_declaration(suite, facts)


@functools.cache
def _shipped(suite: str) -> Declaration:
    return _described(_declared(suite))


def _described(values: dict[str, Any]) -> Declaration:
    models = [_spaced(model) if isinstance(model, dict) else model for model in values["models"]]
    return TypeAdapter(Declaration).validate_python(_spaced(values) | {"models": models})


def _spaced(values: dict[str, Any]) -> dict[str, Any]:
    """Return values in which evenly spaced steps, and the last, are written out."""
    steps = values.get("steps")
    if not isinstance(steps, dict):
        return values
    return values | {
        "steps": [*range(steps["every"], steps["last"], steps["every"]), steps["last"]]
    }


@functools.cache
def _declared(suite: str) -> dict[str, Any]:
    content = tomllib.loads(Path(__file__).with_name(SUITES[suite]).read_text("utf-8"))
    if base := content.pop("extends", None):
        inherited = _declared(base)
        models = [*content.get("models", []), *inherited["models"]]
        content["models"] = sorted(models, key=lambda model: model["parameters"])
        content["datasets"] = inherited["datasets"] | content.get("datasets", {})
        content = inherited | content
    return content
