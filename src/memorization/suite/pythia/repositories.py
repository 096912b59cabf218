"""Which repositories of the hub a run reads, how they are named, and at which commit each is read.

A data set is known by its name; a model by its name and checkpoint, ``owner/name@stepK``, since its
checkpoints are the revisions of one repository. By these, ``pythia.revisions`` pins their commits.
"""

from __future__ import annotations

from collections.abc import Iterable

from memorization.errors import UserError
from memorization.params import Params
from memorization.suite.declared.declaration import SUITES, Declaration, read_declaration
from memorization.suite.hub import Repository, nearest, resolve


def split_name(variant: str, model: str, step: int | None = None) -> str:
    """Return the split of the labels of a model, at an earlier checkpoint if a step is given.

    >>> split_name("duped", "12b", 23000)
    'duped.12b.23000'
    """
    return f"{variant}.{model}" + ("" if step is None else f".{step}")


def pin_of(model: str, revision: str) -> str:
    """Return the key in ``pythia.revisions`` of a checkpoint: a repository has many of them.

    >>> pin_of("EleutherAI/pythia-70m-v0", "step143000")
    'EleutherAI/pythia-70m-v0@step143000'
    """
    return f"{model}@{revision}"


def reference_of(params: Params, facts: Declaration) -> str | None:
    """Return the reference model; None where it is not smaller than the target."""
    reference = facts.model(params.pythia.reference)
    smaller = reference.parameters < facts.model(params.target).parameters
    return reference.name if smaller else None


def resolve_all(params: Params, facts: Declaration) -> dict[str, Repository]:
    """Return the repositories of a run by what they hold: one quick question to the hub for each.

    A data set by what the declaration says of it; and ``model``, at its last checkpoint, for the
    tokenizer and as the reference. What ``pythia.revisions`` does not pin is read at its newest
    commit, which is said.

    Raises
    ------
    UserError
        If a pin is of nothing that could be read, the hub cannot be reached, or lacks a repository.
    """
    pythia, variant = params.pythia, params.variant
    if variant not in facts.variants:
        raise UserError(f"variant={variant}: {params.target} has {', '.join(facts.variants)} only")
    check_pins(pythia.revisions, facts)
    wanted = {
        "labels": True,
        "sample": True,
        "preshuffled": pythia.corpus == "preshuffled" or pythia.context,
        "raw": pythia.corpus == "raw",
        "duplicates": pythia.published_counts,
        "frequencies": pythia.published_counts,
        "order": pythia.order and "order" in facts.datasets,
    }
    keys = {what: facts.dataset(what, variant) for what, is_wanted in wanted.items() if is_wanted}
    model = repository_of(params, facts, reference_of(params, facts) or params.target)
    keys["model"] = pin_of(model, facts.branch_of(facts.steps[-1]))
    found, newest = {}, []
    for what, key in keys.items():
        name, _, revision = key.partition("@")
        pin = pythia.revisions.get(key)
        found[what] = resolve("model" if revision else "dataset", name, revision or None, pin)
        if pin is None:
            newest.append(f"{key}: {found[what].commit}")
    if newest:
        print(
            "read at the newest commits; to read the same again, put them into params.yaml: "
            f"pythia.revisions: {{{', '.join(newest)}}}",
            flush=True,
        )
    return found


def repository_of(params: Params, facts: Declaration, model: str) -> str:
    """Return the repository of the target or of a smaller model, of the params' release.

    The smaller models of a run are those of Pythia itself.
    """
    suite = facts if model in facts.targets else read_declaration("pythia")
    return suite.repository_of(model, params.variant, params.pythia.models)


def check_pins(pins: Iterable[str], facts: Declaration) -> None:
    """Check that every key of ``pythia.revisions`` is of something that a run may read.

    Of either variant and release. A misspelt key would pin nothing, without a word.

    Raises
    ------
    UserError
        If one is not; it names the nearest that are.

    >>> check_pins(["EleutherAI/pythia-12b-v0@step1000"], read_declaration())
    """
    _check_names("pythia.revisions", pins, facts, datasets=True)


def check_exclusions(excluded: Iterable[str], facts: Declaration) -> None:
    """Check that every key of ``labels.exclude`` is a checkpoint of a published suite.

    Of any variant and release. Those before the first that a scan may read are allowed, as some of
    them are known to be wrong.

    Raises
    ------
    UserError
        If one is not; it names the nearest that are.

    >>> check_exclusions(["EleutherAI/pythia-12b@step512"], read_declaration())
    """
    _check_names("labels.exclude", excluded, facts, early=True)


def _check_names(
    parameter: str,
    names: Iterable[str],
    facts: Declaration,
    datasets: bool = False,
    early: bool = False,
) -> None:
    # What is listed for one suite may stay when another is the target's.
    suites = [facts, *(read_declaration(name) for name in SUITES if name != facts.suite)]
    steps = {name: suite for suite in reversed(suites) for name in suite.repositories()}
    known = list(dict.fromkeys(n for s in suites for n in s.all_datasets())) if datasets else []
    for key in names:
        name, _, branch = key.partition("@")
        if key in known:
            continue
        if name not in steps:
            suite = suites[0]
            known += [pin_of(m, _branches(suite, m)[-1]) for m in suite.repositories()]
            raise UserError(
                f"{parameter}: '{key}' is nothing that is read; there are {nearest(known, key, 4)}"
            )
        suite = steps[name]
        own = _branches(suite, name)
        before = [suite.branch_of(step, name) for step in range(suite.steps[0])] if early else []
        if branch not in (*own, *before):
            raise UserError(
                f"{parameter}: '{key}' is no checkpoint; those of {name} are named one by one, as "
                f"{pin_of(name, own[-1])}; there are {nearest(own, branch, 4)}"
            )


def _branches(suite: Declaration, repository: str) -> list[str]:
    return [suite.branch_of(step, repository) for step in suite.steps_of(repository)]
