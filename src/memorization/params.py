"""The parameters of the study: ``params.yaml``, validated once into one immutable object."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from memorization.errors import UserError
from memorization.files import read_json
from memorization.protocol import PYTHIA, SEQUENCE
from memorization.registered import published, registered, required
from memorization.strata import STRATA


def _or_else(allowed: str) -> WrapValidator:
    """Say what is allowed where there are alternatives; each has a message of its own."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("alternatives", f"must be {allowed}") from None

    return WrapValidator(validate)


def _registered(parameter: str) -> AfterValidator:
    """Refuse a name that is not in the registry of a parameter, or comes twice."""
    return AfterValidator(
        lambda names: tuple(named(dict.fromkeys(registered(parameter)), names, parameter))
    )


def _one_required(parameter: str, purpose: str) -> AfterValidator:
    """Refuse a list without any of the names of which one is needed for a purpose."""

    def validate(names: tuple[str, ...]) -> tuple[str, ...]:
        if set(required(parameter)).isdisjoint(names):
            raise UserError(
                f"{parameter}: [{', '.join(names)}] is not enough; {purpose}: list at least one of "
                f"{', '.join(required(parameter))}"
            )
        return names

    return AfterValidator(validate)


Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(gt=0, le=1)]
# Everything is strict, but YAML knows lists alone.
Names = Annotated[tuple[str, ...], Field(min_length=1, strict=False)]

# Cells of the randomised arm that are not exact copies at random positions.
SCHEDULES = ("early", "late", "even", "fuzzy", "continuation_only")


class _Section(BaseModel):
    # Strict: neither a word for a number nor a number for a yes.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, raw: Any) -> Any:
        for key in raw if isinstance(raw, dict) else ():
            if key not in cls.model_fields:
                raise ValueError(f"no key '{key}'; {_instead(str(key), cls.model_fields)}")
        return raw


class Shape(_Section):
    """The shape of one GPT-NeoX model."""

    hidden: Annotated[int, Field(ge=1, le=8192)]
    layers: Annotated[int, Field(ge=1, le=128)]
    heads: Positive

    @model_validator(mode="after")
    def _heads_divide_hidden(self) -> Shape:
        if self.hidden % self.heads or self.hidden // self.heads < 8:
            raise ValueError(
                f"hidden={self.hidden} and heads={self.heads}: heads must divide hidden into "
                "head sizes of at least 8, of which a quarter is rotated"
            )
        return self


class Training(_Section):
    """How every model of the micro suite is trained."""

    steps: Positive
    sequences_per_step: Positive
    learning_rate: Annotated[float, Field(gt=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0, lt=1)]


class Suite(_Section):
    """The micro suite: its tokenizer, data, models and checkpoints."""

    vocabulary: Annotated[int, Field(ge=257, le=65535)]
    window: Annotated[int, Field(ge=SEQUENCE, le=4096)]
    models: Annotated[dict[str, Shape], Field(min_length=1)]
    training: Training
    checkpoints: Positive

    @model_validator(mode="after")
    def _checkpoints_fit_steps(self) -> Suite:
        if self.checkpoints > self.training.steps:
            raise ValueError(
                f"checkpoints={self.checkpoints}: must be at most "
                f"suite.training.steps={self.training.steps}"
            )
        for name in self.models:
            # It is a folder's name, and part of a random stream's.
            if not re.fullmatch(r"micro-[A-Za-z0-9_.-]+", name):
                raise ValueError(
                    f"models: '{name}': a name must be 'micro-' and letters, digits, _, . or -"
                )
        return self


class Arm(_Section):
    """The randomised arm of the micro suite; see memorization.suite.micro.arm."""

    enabled: bool
    blocks: Positive
    blocks_of_largest_dose: Positive
    doses: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2, strict=False)]
    contrast_dose: Positive

    @model_validator(mode="after")
    def _cells_are_sound(self) -> Arm:
        if list(self.doses) != sorted(set(self.doses)):
            raise ValueError(f"doses={list(self.doses)}: must ascend, each named once")
        odd = [dose for dose in (*self.doses, self.contrast_dose) if dose % 2]
        if odd:
            raise ValueError(f"doses: {odd[0]} is odd; a window holds two copies, so all are even")
        if self.contrast_dose not in self.doses:
            raise ValueError(
                f"contrast_dose={self.contrast_dose}: must be one of the doses {list(self.doses)}"
            )
        if self.contrast_dose == self.doses[-1] and self.blocks_of_largest_dose < self.blocks:
            raise ValueError(
                f"contrast_dose={self.contrast_dose}: is the largest dose, which not all blocks "
                "have; name a smaller one"
            )
        if self.blocks_of_largest_dose > self.blocks:
            raise ValueError(
                f"blocks_of_largest_dose={self.blocks_of_largest_dose}: must be at most "
                f"blocks={self.blocks}"
            )
        return self

    @property
    def n_windows(self) -> int:
        """Training windows that the arm takes, two copies in each; 0 if it is off."""
        if not self.enabled:
            return 0
        every = self.blocks * (sum(self.doses[:-1]) + len(SCHEDULES) * self.contrast_dose)
        return (every + self.blocks_of_largest_dose * self.doses[-1]) // 2


class CaseCohort(_Section):
    """The sample of a population that is too large to be studied whole."""

    cases: Annotated[Positive | Literal["all"], _or_else("a number from 1, or all")]
    cohort: Positive


class Sequences(_Section):
    """How much is looked at, and when, of a population that is studied whole."""

    followed: dict[str, Annotated[int, Field(ge=1)]]
    census: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _strata_are_known(self) -> Sequences:
        if set(self.followed) != set(STRATA):
            raise ValueError(
                f"followed={self.followed}: must give a number for each of {', '.join(STRATA)}; "
                "what a stratum without followed sequences does is not known"
            )
        return self


class Pythia(_Section):
    """What is taken of a published suite; see memorization.suite.pythia."""

    models: Literal["v0", "v1"]
    revisions: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{40}$")]]
    reference: str
    sequences: CaseCohort
    corpus: Literal["sample", "preshuffled", "raw"]
    corpus_tokens: Positive
    published_counts: bool
    context: bool
    order: bool
    facts: str | None
    precision: Literal["auto", "float32", "float16", "bfloat16"]
    compile: bool


class Labels(_Section):
    """Where the times of memorization come from."""

    times: Literal["auto", "published", "scan", "none"]
    checkpoints: Annotated[
        Positive | Annotated[str, Field(pattern=r"^(all|(every|log)-[1-9][0-9]*)$")],
        _or_else("all, a number from 1, every-K or log-N, with K and N from 1"),
    ]
    exclude: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+@step(0|[1-9][0-9]*)$")],
            Annotated[str, Field(min_length=1)],
        ],
        _or_else("OWNER/NAME@stepK: what is wrong with it, of each checkpoint to leave out, or {}"),
    ]
    engine: Literal["local", "ray"]


class Features(_Section):
    """What is computed of a sequence."""

    families: Annotated[Names, _registered("features.families")]
    engine: Literal["local", "ray"]

    @model_validator(mode="after")
    def _something_is_known_beforehand(self) -> Features:
        if self.families == ("exposure",):
            raise ValueError(
                "families=[exposure]: tells of a sequence only what the rest of training brings, "
                "by which no model may forecast; list another family as well"
            )
        return self


class Split(_Section):
    """Clusters and folds."""

    folds: Annotated[int, Field(ge=1, le=20)]
    shared_tokens: Annotated[int, Field(ge=1, le=SEQUENCE)]
    largest_cluster: Fraction

    @model_validator(mode="after")
    def _thresholds_have_rows(self) -> Split:
        if self.folds < 3:
            raise ValueError(
                f"folds={self.folds}: must be at least 3; one fold is tested on, another chooses "
                "the threshold of decisions, and a model is fitted to the rest"
            )
        return self


class Whether(_Section):
    """Binary classifiers."""

    models: Annotated[
        Names,
        _registered("whether.models"),
        _one_required("whether.models", "what features are worth is told by models of these alone"),
    ]


class When(_Section):
    """Survival models."""

    event: Literal["first", "stable"]
    models: Annotated[
        Names,
        _registered("when.models"),
        _one_required("when.models", "baselines are there to be compared with"),
    ]


class Bootstrap(_Section):
    """Intervals of the reported metrics."""

    replicates: Annotated[int, Field(ge=20)]
    level: Annotated[float, Field(gt=0.5, lt=1)]


class Params(_Section):
    """Everything in ``params.yaml``."""

    target: str
    variant: Literal["duped", "deduped"]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    threads: Annotated[int, Field(ge=1, le=1024)]
    device: Literal["cpu", "cuda", "auto"]
    batch: Positive
    suite: Suite
    arm: Arm
    pythia: Pythia
    sequences: Sequences
    labels: Labels
    features: Features
    split: Split
    whether: Whether
    when: When
    bootstrap: Bootstrap

    @model_validator(mode="after")
    def _target_is_known(self) -> Params:
        if self.target not in (*self.suite.models, *published()):
            known = ", ".join(self.suite.models)
            others = [name for name in published() if name not in PYTHIA]
            near = difflib.get_close_matches(self.target, others, n=1) or others[:1]
            raise ValueError(
                f"target='{self.target}': must be a name from suite.models: {known}; a Pythia "
                f"model: {', '.join(PYTHIA)}; or one of another published suite, such as {near[0]} "
                "(docs/pythia.md lists them)"
            )
        if self.pythia.reference not in PYTHIA:
            raise ValueError(
                f"pythia.reference='{self.pythia.reference}': must be one of {', '.join(PYTHIA)}"
            )
        return self

    @model_validator(mode="after")
    def _checkpoints_are_there(self) -> Params:
        there = self.suite.checkpoints
        if self.is_published:
            facts, (_, declared) = self.pythia.facts, published()[self.target]
            there = declared if facts is None else _checkpoints_in(facts)
        asked: dict[str, int | str] = {"labels.checkpoints": self.labels.checkpoints}
        if not self.is_published:
            asked["sequences.census"] = self.sequences.census
        for key, value in asked.items():
            if any(int(number) > there for number in re.findall(r"\d+", str(value))):
                raise ValueError(
                    f"{key}={value}: the suite has {there} checkpoints; the number must be 1 to "
                    f"{there}"
                )
        return self

    @model_validator(mode="after")
    def _arm_fits(self) -> Params:
        if self.is_published or not self.arm.enabled:
            return self
        total = self.suite.training.steps * self.suite.training.sequences_per_step
        if self.suite.window != 2 * SEQUENCE:
            raise ValueError(
                f"arm.enabled: a window must hold two copies, suite.window={2 * SEQUENCE}, not "
                f"{self.suite.window}; else set arm.enabled to false"
            )
        if 2 * self.arm.n_windows > total:
            raise ValueError(
                f"arm: takes {self.arm.n_windows:,} of {total:,} training windows, and may take "
                "half; lower arm.blocks or arm.doses, or train for more steps"
            )
        return self

    @property
    def is_published(self) -> bool:
        """Whether the target is of a suite that others published; its name alone decides."""
        return self.target in published()

    @property
    def is_pythia(self) -> bool:
        """Whether the target is one of the models whose memorization EleutherAI has published."""
        return self.target in PYTHIA


def _checkpoints_in(facts: str) -> int:
    """Return how many checkpoints a file for ``pythia.facts`` lists; all else is checked later.

    Where it cannot be read, or is no such file, `memorization.suite.declared` tells in full.
    """
    try:
        return len(read_json(Path(facts))["steps"])
    except (OSError, ValueError, LookupError, TypeError):
        return sys.maxsize


def load_params(path: str | Path = "params.yaml") -> Params:
    """Return the validated parameters.

    Raises
    ------
    UserError
        One line that names the key, its value and what is allowed.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        first: Any = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "value_error":
            raise UserError(f"{path}: {key + ': ' if key else ''}{message}") from None
        if first["type"] == "missing":
            raise UserError(f"{path}: {key}: missing; the key is required") from None
        raise UserError(f"{path}: {key}={first['input']!r}: {message}") from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, by the very call with which DVC reads what it locks.

    That is dvc.utils.serialize.parse_yaml (DVC 3.67): YAML 1.2, so ``010`` is ten and ``no`` a
    word, and a key that comes twice is an error.

    Raises
    ------
    UserError
        If the file cannot be read or is no mapping.
    """
    try:
        content = YAML(typ="safe").load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run from the root of the repository") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
            reason = f"line {error.problem_mark.line + 1}: {error.problem}"
        raise UserError(f"{path}: not valid YAML: {reason}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be a mapping of keys to values")
    return content


def _instead(name: str, known: Collection[str]) -> str:
    """Return what may be meant by an unknown name.

    >>> _instead("sede", ["seed", "batch"]), _instead("x", ["seed", "batch"])
    ("do you mean 'seed'?", 'the keys are: seed, batch')
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f"do you mean '{near[0]}'?" if near else f"the keys are: {', '.join(known)}"


Value = TypeVar("Value")


def named(registry: Mapping[str, Value], names: Iterable[str], parameter: str) -> dict[str, Value]:
    """Return name -> entry of the models, or families, of these names, in their order.

    Parameters
    ----------
    parameter : of params.yaml, that holds the names.

    Raises
    ------
    UserError
        If a name is unknown or comes twice.

    >>> named({"a": 1, "b": 2}, ["b"], "whether.models")
    {'b': 2}
    """
    found: dict[str, Value] = {}
    for name in names:
        if name not in registry:
            kinds = parameter.rpartition(".")[2]
            kind = {"families": "family", "models": "model"}[kinds]
            raise UserError(
                f"{parameter}: no {kind} '{name}'; the {kinds} are: {', '.join(registry)}"
            )
        if name in found:
            raise UserError(f"{parameter}: '{name}' is listed twice; list it once")
        found[name] = registry[name]
    return found
