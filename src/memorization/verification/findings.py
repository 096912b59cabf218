"""What cannot be right in the listings of a suite's branches; no file of weights is read."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from memorization.verification.branches import Branch, Finding, Kind, is_plain

# What of a configuration decides which tensors there are and what is computed with them. Others,
# such as the version of the library, change from one upload to the next.
_SHAPE = (
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "hidden_act",
    "use_parallel_residual",
    "rotary_pct",
    "rotary_emb_base",
    "tie_word_embeddings",
)
# Headers of files and small buffers, as a share of the weights.
_OVERHEAD = 0.02


def findings(branches: Sequence[Branch], expected: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Return all that is wrong with some branches, as their listings tell.

    Parameters
    ----------
    branches : of all repositories, which are compared with each other as well.
    expected : repository -> the branches that it must have.
    """
    return [
        *missing(branches, expected),
        *incomplete(branches),
        *misconfigured(branches),
        *missized(branches),
        *copied(branches),
        *other_than_main(branches),
    ]


def missing(branches: Sequence[Branch], expected: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Return the branches that are not there."""
    there = {branch.place for branch in branches}
    return [
        Finding(repository, name, Kind.MISSING, "no such branch")
        for repository, names in expected.items()
        for name in names
        if (repository, name) not in there
    ]


def incomplete(branches: Sequence[Branch]) -> list[Finding]:
    """Return the branches that a model cannot be loaded from."""
    found = []
    for branch in branches:
        if lacking := branch.lacks():
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            detail = "; ".join(lacking[:3]) + more
            found.append(Finding(*branch.place, Kind.INCOMPLETE, detail))
    return found


def misconfigured(branches: Sequence[Branch]) -> list[Finding]:
    """Return the branches whose configuration is of another shape or dtype than most steps'."""
    found = []
    for repository, own in by_repository(branches).items():
        shapes = {
            branch: shape(branch.config)
            for branch in finals_first(own)
            if branch.config is not None
        }
        usual = {
            key: Counter(said[key] for said in shapes.values() if key in said).most_common(1)[0][0]
            for key in sorted({key for said in shapes.values() for key in said})
        }
        for branch, said in shapes.items():
            wrong = [
                f"{key} is {said[key]}, that of most steps {usual[key]}"
                for key in usual
                if said.get(key, usual[key]) != usual[key]
            ]
            if wrong:
                detail = "; ".join(wrong)
                found.append(Finding(repository, branch.name, Kind.CONFIGURATION, detail))
    return found


def shape(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what of a configuration must not change in training, as text by key.

    >>> shape({"hidden_size": 512, "torch_dtype": "float16", "transformers_version": "4.24.0"})
    {'hidden_size': '512', 'dtype': '"float16"'}
    """
    said = {key: json.dumps(config[key]) for key in _SHAPE if key in config}
    # Renamed in transformers 4.56.
    dtype = config.get("dtype", config.get("torch_dtype"))
    return said if dtype is None else said | {"dtype": json.dumps(dtype)}


def missized(branches: Sequence[Branch]) -> list[Finding]:
    """Return the branches whose weights are of another size than those of most steps.

    In either format a model takes as many bytes, but for its causal masks, which may be saved with
    it or not: a byte for each pair of positions, in each layer.
    """
    found = []
    for repository, own in by_repository(branches).items():
        sizes = [
            (branch, ending, sum(branch.files[name].size for name in names))
            for branch in finals_first(own)
            if not branch.lacks()
            for ending, names in branch.formats.items()
        ]
        if not sizes:
            continue
        slack = _masks(sizes[0][0])
        usual = max(
            (size for _, _, size in sizes),
            key=lambda size: sum(_agree(size, other, slack) for _, _, other in sizes),
        )
        for branch, ending, size in sizes:
            if not _agree(size, usual, slack):
                detail = f"{ending} weights are {size:,} bytes, those of most steps {usual:,}"
                found.append(Finding(repository, branch.name, Kind.SIZE, detail))
    return found


def _agree(size: int, other: int, slack: int) -> bool:
    return abs(size - other) <= slack + _OVERHEAD * max(size, other)


def _masks(branch: Branch) -> int:
    config = branch.config or {}
    try:
        return int(config["num_hidden_layers"]) * int(config["max_position_embeddings"]) ** 2
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


def copied(branches: Sequence[Branch]) -> list[Finding]:
    """Return the branches that hold weights of another: all of them, or some, which is a mixture.

    Weights that the end of training holds are its own, and wrong elsewhere. Of others nobody can
    tell from the digests whose they are, so all branches that hold them are accused.
    """
    holders: dict[str, list[Branch]] = defaultdict(list)
    for branch in branches:
        for digest in sorted({file.digest for file in branch.weights.values() if file.size}):
            holders[digest].append(branch)
    others: dict[Branch, dict[Branch, None]] = defaultdict(dict)
    for held in holders.values():
        for branch in suspects(held):
            others[branch] |= dict.fromkeys(other for other in held if other is not branch)
    found = []
    for branch, sharing in others.items():
        ordered = sorted(sharing, key=lambda other: _distance(branch, other))
        same = [other for other in ordered if not _differing(branch, other)]
        if same:
            kind, detail = Kind.IDENTICAL, f"identical to {named(same[0], branch)}"
        else:
            kind, own = Kind.MIXTURE, sorted(_differing(branch, ordered[0]))
            detail = f"holds files of {named(ordered[0], branch)}, but another {own[0]}"
        found.append(Finding(*branch.place, kind, detail))
    return found


def suspects(held: Sequence[Branch]) -> list[Branch]:
    """Return who is accused of sharing what some branches hold: all but the one whose it is.

    That is the end of training: ``main``, the last step or both, but not the last steps of two
    stages, and of one repository only.
    """
    ends = [branch for branch in held if branch.is_final]
    is_one = len({branch.repository for branch in ends}) == 1
    is_one &= sum(branch.step is not None for branch in ends) <= 1
    accused = [branch for branch in held if not (branch.is_final and is_one)]
    return accused if len(held) > 1 else []


def named(other: Branch, branch: Branch) -> str:
    """Return the name of a branch, as seen from another: with its repository if that is another."""
    return other.name if other.repository == branch.repository else str(other)


def _distance(branch: Branch, other: Branch) -> tuple[bool, bool, bool, int, str]:
    """Return by what to order the branches that share weights with one: the likeliest owner first.

    That is the end of training, by its step rather than as ``main``; else a neighbour.
    """
    apart = abs((other.step or 0) - (branch.step or 0))
    is_elsewhere = other.repository != branch.repository
    return not other.is_final, is_elsewhere, other.step is None, apart, str(other)


def _differing(branch: Branch, other: Branch) -> list[str]:
    """Return the files of weights that both have under one name, with other contents."""
    common = branch.weights.keys() & other.weights.keys()
    return [name for name in common if branch.weights[name].digest != other.weights[name].digest]


def other_than_main(branches: Sequence[Branch]) -> list[Finding]:
    """Return the repositories whose ``main`` is not their last step.

    Where steps are named by their stage as well, it need not be: that of OLMo-2 is a mean of some.
    """
    found = []
    for repository, own in by_repository(branches).items():
        finals = {branch.name: branch for branch in own if branch.is_final}
        main = finals.pop("main", None)
        for last in filter(lambda branch: is_plain(branch.name), finals.values()):
            if main is not None and (names := sorted(_differing(main, last))):
                detail = f"{names[0]} is not that of {last.name}"
                found.append(Finding(repository, "main", Kind.MAIN, detail))
    return found


def finals_first(branches: Iterable[Branch]) -> list[Branch]:
    """Return branches with the end of training first: where two differ, it is taken to be right."""
    return sorted(branches, key=lambda branch: not branch.is_final)


def by_repository(branches: Iterable[Branch]) -> dict[str, list[Branch]]:
    """Return the branches of each repository, in the order in which they come."""
    groups: dict[str, list[Branch]] = defaultdict(list)
    for branch in branches:
        groups[branch.repository].append(branch)
    return dict(groups)


def lines(
    branches: Iterable[Branch], accused: Collection[tuple[str, str]]
) -> Iterable[list[Branch]]:
    """Return the steps of each repository and stage, ascending, without those accused already."""
    groups: dict[tuple[str, str], list[tuple[int, Branch]]] = defaultdict(list)
    for branch in branches:
        if branch.step is not None and branch.place not in accused:
            groups[branch.line].append((branch.step, branch))
    return [[branch for _, branch in sorted(own, key=itemgetter(0))] for own in groups.values()]
