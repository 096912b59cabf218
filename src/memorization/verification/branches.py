"""A checkpoint's branch as the hub lists it: its weight files, their digests, its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from memorization.suite.hub.repository import File

FORMATS = {"safetensors": "model", "bin": "pytorch_model"}
_WEIGHTS = re.compile(r"(?:model|pytorch_model)(?:-(\d{5})-of-(\d{5}))?\.(?:safetensors|bin)")
# Pythia's stepK, and OLMo's stageS-stepK-tokensTB, stageS-ingredientI-stepK-tokensTB. Whoever names
# branches must not end the verification by a step that fits into no table.
_NAME = re.compile(
    r"(?:(stage\d+(?:-ingredient\d+)?)-)?step(0|[1-9]\d{0,17})(?:-tokens\d+[MBT])?", re.ASCII
)
# Bytes from which on a file may hold weights; the pointer that git keeps in place of a large file
# has about 130.
LEAST = 1000


class Kind(StrEnum):
    """What can be wrong with a branch."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    CONFIGURATION = "configuration"
    SIZE = "size"
    IDENTICAL = "identical"
    MIXTURE = "mixture"
    MAIN = "main"
    EMBEDDING = "embedding"
    FORMATS = "formats"
    JUMP = "jump"
    NOT_FINITE = "not-finite"
    LOSS = "loss"
    NORM = "norm"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a branch; ``detail`` says what, in words."""

    repository: str
    branch: str
    kind: Kind
    detail: str

    @property
    def step(self) -> int | None:
        """The step of the branch; None: ``main``."""
        return step_of(self.branch)

    @property
    def place(self) -> tuple[str, str]:
        """The repository and the branch."""
        return self.repository, self.branch


@dataclass(frozen=True, eq=False)
class Branch:
    """A branch of a model's repository.

    Attributes
    ----------
    repository, name, commit : ``owner/name``; ``main`` or a step's name, see `step_of`; 40
        hexadecimal digits.
    files : all its files by name.
    is_final : whether it may hold the end of training: ``main`` and the last step.
    config : what ``config.json`` holds; None: there is none that can be read.
    indices : ``….index.json`` -> tensor -> file; None: it cannot be read.
    """

    repository: str
    name: str
    commit: str
    files: Mapping[str, File]
    is_final: bool = False
    config: Mapping[str, Any] | None = None
    indices: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)

    def __str__(self) -> str:
        """``owner/name@step3000``."""
        return f"{self.repository}@{self.name}"

    @property
    def step(self) -> int | None:
        """The step; None: ``main``."""
        return step_of(self.name)

    @property
    def place(self) -> tuple[str, str]:
        """The repository and the name."""
        return self.repository, self.name

    @property
    def line(self) -> tuple[str, str]:
        """The repository and the stage: branches of one follow each other, by their steps."""
        return self.repository, stage_of(self.name)

    @cached_property
    def weights(self) -> dict[str, File]:
        """The files of weights, in either format; an optimizer's state is none."""
        return {name: file for name, file in self.files.items() if _WEIGHTS.fullmatch(name)}

    @cached_property
    def formats(self) -> dict[str, list[str]]:
        """Format -> the files that a model is loaded from: one, or those that the index names.

        Without an index, or with one that cannot be read, they are all the shards.
        """
        found = {}
        for ending, stem in FORMATS.items():
            single, shards = f"{stem}.{ending}", self._shards(stem, ending)
            if single in self.files:
                found[ending] = [single]
            elif shards:
                found[ending] = shards
        return found

    @property
    def loaded(self) -> list[str]:
        """The files that a model is loaded from: of two formats, the safetensors."""
        return next(iter(self.formats.values()), [])

    def _shards(self, stem: str, ending: str) -> list[str]:
        index = self.indices.get(index_of(ending))
        if index is not None:
            return sorted(set(index.values()))
        return sorted(name for name in self.weights if re.match(rf"{stem}-.*\.{ending}$", name))

    def lacks(self) -> list[str]:
        """Return, in words, what a model cannot be loaded without and that is not there."""
        lacking = [] if self.config is not None else ["no config.json that can be read"]
        if not self.formats:
            lacking.append("no weights")
        for ending, names in self.formats.items():
            index = index_of(ending)
            is_sharded = names != [f"{FORMATS[ending]}.{ending}"]
            if index in self.indices and self.indices[index] is None:
                lacking.append(f"{index} is no index of weights")
            elif is_sharded and index not in self.indices:
                lacking.append(f"no {index} beside the shards")
            lacking += [f"{name} is not there" for name in _whole(names) if name not in self.files]
            lacking += [f"{name} is empty" for name in names if self.size_of(name) == 0]
            lacking += [
                f"{name} has {size} bytes, which hold no weights"
                for name in names
                if 0 < (size := self.size_of(name) or 0) < LEAST
            ]
        return lacking

    def size_of(self, name: str) -> int | None:
        """Return the bytes of a file; None: it is not there."""
        return self.files[name].size if name in self.files else None


def step_of(branch: str) -> int | None:
    """Return the step of a branch; None if it is not a checkpoint's.

    >>> step_of("step3000"), step_of("main"), step_of("step3000-old")
    (3000, None, None)
    >>> step_of("stage1-step150-tokens1B"), step_of("step1" + "0" * 18)
    (150, None)
    """
    match = _NAME.fullmatch(branch)
    return int(match[2]) if match else None


def stage_of(branch: str) -> str:
    """Return the stage of training of a checkpoint's branch; nothing if its name says none.

    >>> stage_of("stage2-ingredient3-step11931-tokens50B"), stage_of("step3000")
    ('stage2-ingredient3', '')
    """
    match = _NAME.fullmatch(branch)
    return (match[1] or "") if match else ""


def is_plain(branch: str) -> bool:
    """Return whether a branch is named by its step alone.

    >>> is_plain("step3000"), is_plain("step3000-tokens13B"), is_plain("main")
    (True, False, False)
    """
    return branch == f"step{step_of(branch)}"


def index_of(ending: str) -> str:
    """Return the name of the index of a format's shards.

    >>> index_of("bin")
    'pytorch_model.bin.index.json'
    """
    return f"{FORMATS[ending]}.{ending}.index.json"


def _whole(names: list[str]) -> list[str]:
    """Return some files of weights and, of a shard, all others that its name says there are.

    >>> _whole(["model-00002-of-00002.safetensors"])
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    """
    wanted = set(names)
    for match in filter(None, map(_WEIGHTS.fullmatch, names)):
        for number in range(1, int(match[2] or 0) + 1):
            wanted.add(re.sub(r"-\d{5}-of-", f"-{number:05d}-of-", match[0]))
    return sorted(wanted)
