"""``memorization plan``: what is asked for, and what is printed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memorization.errors import UserError
from memorization.labels.plan import chosen_steps, excluded_steps
from memorization.params import Params
from memorization.planning.plan import Machine, Plan, cascade_passes, cascade_plan, scan_plan
from memorization.protocol import SEQUENCE
from memorization.suite.declared.declaration import Declaration, PublishedModel
from memorization.suite.pythia.repositories import check_exclusions

_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9}


def bytes_a_second(text: str, option: str) -> float:
    """Return a rate that is written as people write it.

    Raises
    ------
    UserError
        If it is none; ``option`` is what it was given for.

    >>> bytes_a_second("1Gbit", "--bandwidth"), bytes_a_second("2.5GB/s", "--disk-speed")
    (125000000.0, 2500000000.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMG])(bit|B)(?:/s)?", text)
    if found is None or not float(found[1]):
        raise UserError(
            f"{option}={text}: must be a number above 0 and Kbit, Mbit, Gbit, KB, MB or GB (a "
            "second), such as 1Gbit or 125MB"
        )
    return float(found[1]) * _UNITS[found[2]] / (8 if found[3] == "bit" else 1)


def target_named(name: str, facts: Declaration) -> PublishedModel:
    """Return a model of the suite by its name, or raise a UserError that names them all."""
    if name not in facts.targets:
        raise UserError(
            f"--target: '{name}' is none of {', '.join(facts.targets)}; name one of Pythia, or of "
            "another published suite (docs/pythia.md)"
        )
    return facts.model(name)


def checkpoints_of_runs(
    spec: str | int, target: str, params: Params, facts: Declaration
) -> dict[str, int]:
    """Return run -> how many of its checkpoints a scan evaluates; of one run, the target alone.

    All runs of the target's size are scanned, each without the checkpoints that are declared to be
    wrong or that ``labels.exclude`` names, as `memorization.labels.runs` does.

    Parameters
    ----------
    spec : as for ``labels.checkpoints``.

    Raises
    ------
    UserError
        If the spec is none, or there are fewer, or what is excluded is no checkpoint.
    """
    text = str(spec)
    if not re.fullmatch(r"all|([1-9]\d*)|(every|log)-[1-9]\d*", text):
        raise UserError(f"--checkpoints={text}: must be all, a number from 1, every-K or log-N")
    check_exclusions(params.labels.exclude, facts)
    exclude, found = {**facts.wrong, **params.labels.exclude}, {}
    for run in facts.runs_of(target) or [target]:
        repository = facts.repository_of(run, params.variant, params.pythia.models)
        steps = facts.steps_of(repository)
        wrong = excluded_steps(exclude, repository, steps)
        left = tuple(step for step in steps if step not in wrong)
        found[run] = len(chosen_steps(left, int(text) if text.isdecimal() else text))
    return found


def n_sequences(target: str, params: Params, facts: Declaration) -> int:
    """Return how many sequences a scan of a target evaluates with some params, about.

    The cases, and the cohort, in which a few of the cases are met again.
    """
    cases, cohort = params.pythia.sequences.cases, params.pythia.sequences.cohort
    memorized = facts.rows.get(f"{params.variant}.{facts.cases_of(target)}", facts.population)
    return cohort + (memorized if cases == "all" else min(cases, memorized))


def plans(
    model: PublishedModel,
    sequences: int,
    checkpoints: Mapping[str, int],
    facts: Declaration,
    machine: Machine,
) -> dict[str, Any]:
    """Return the plans of a model's scan and cascade, and what they rest on, as plain values.

    ``runs`` are those that are scanned, with their checkpoints; ``scan`` is of all of them.

    There is no cascade (None) where the suite's training data are not declared.
    """
    return {
        "target": model.name,
        "parameters": model.parameters,
        "checkpoint_bytes": model.checkpoint_bytes,
        "machine": asdict(machine),
        "runs": dict(checkpoints),
        "scan": asdict(_scan(model, sequences, checkpoints, machine)),
        "cascade": asdict(cascade_plan(model, facts, machine)) if facts.population else None,
    }


def terminal(
    model: PublishedModel,
    sequences: int,
    checkpoints: Mapping[str, int],
    facts: Declaration,
    machine: Machine,
) -> str:
    """Return both plans for people, with the arithmetic."""
    scan = _scan(model, sequences, checkpoints, machine)
    size = f"{model.checkpoint_bytes / 1e9:,.2f} GB"
    others = len(checkpoints) - 1
    more = f" and the {others} other runs of its size" if others else ""
    in_all = " in all" if others else ""
    lines = [
        *_about(machine),
        "",
        f"scan of {model.name}{more}: {scan.sequences:,} sequences at {scan.checkpoints:,} "
        f"checkpoints{in_all}",
        *_lines(
            scan,
            download=f"{scan.checkpoints:,} × {size}",
            disk="2 checkpoints at most; each is written once and read twice",
            compute=f"2 × {model.parameters:,} parameters × {SEQUENCE - 1} tokens",
        ),
    ]
    if facts.population:
        cascade = cascade_plan(model, facts, machine)
        share = " + ".join(f"{tokens} × {share:g}" for tokens, share in cascade_passes())
        lines += [
            "",
            f"cascade of {model.name}: all {cascade.sequences:,} sequences at one checkpoint",
            *_lines(
                cascade,
                download=f"rows of {2 * facts.window:,} bytes, and the checkpoint's {size}",
                disk=f"the first {2 * SEQUENCE} bytes of each row, and the checkpoint",
                compute=f"2 × {model.parameters:,} parameters × {cascade.tokens:.1f} tokens",
            ),
            f"  tokens: {share};",
            "  these shares are still right after 1, 4, 8 and 16 in a micro model: assumed",
        ]
    return "\n".join(lines)


def _scan(
    model: PublishedModel, sequences: int, checkpoints: Mapping[str, int], machine: Machine
) -> Plan:
    return scan_plan(model, sequences, sum(checkpoints.values()), machine, len(checkpoints))


def _about(machine: Machine) -> list[str]:
    card = machine.card
    of_peak = "" if card.peak is None else f" ({card.sustained / card.peak:.0%} of its peak)"
    lines = [
        f"{machine.gpus} × {card.name} at {card.sustained:,.3g} TFLOP/s{of_peak}: {card.source}; "
        f"network {machine.bandwidth / 1e6:,.0f} MB/s, disk {machine.disk / 1e6:,.0f} MB/s"
    ]
    if machine.gpus > 1:
        lines.append("The GPUs are taken to share the sequences of each checkpoint evenly.")
    return lines


def _lines(plan: Plan, **how: str) -> list[str]:
    if plan.batch is not None:
        bound = ", bound by reading the weights" if plan.is_memory_bound else ""
        how["compute"] += f", in batches of {plan.batch:,}{bound}"
    rows = [
        ("download", f"{plan.downloaded:,.0f} GB", plan.download_hours, how["download"]),
        ("disk", f"{plan.disk:,.1f} GB", plan.disk_hours, how["disk"]),
        ("compute", f"{plan.flops:.2e} FLOP", plan.compute_hours, how["compute"]),
        ("in all", "", plan.hours, f"bottleneck: {plan.bottleneck}"),
    ]
    return [
        f"  {part:9} {amount:>13} {_number(hours):>8} h  {said}"
        for part, amount, hours, said in rows
    ]


def _number(hours: float) -> str:
    """Return hours with three digits, or all before the point.

    >>> _number(0.034), _number(15.32), _number(16061.5)
    ('0.03', '15.3', '16,062')
    """
    decimals = 2 if hours < 10 else 1 if hours < 100 else 0
    return f"{hours:,.{decimals}f}"
