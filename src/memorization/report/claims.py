"""Which comparisons that the text of the paper makes in words hold in the results.

``claims.yaml`` binds each of them to inequalities between numbers of the results. The report writes
what became of them to ``paper/claims.json``, and ``paper/claims.lua`` puts it in place of a passage
whose claim does not hold.
"""

from __future__ import annotations

import itertools
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from memorization.errors import UserError
from memorization.report.variables import at_path
from memorization.report.wording import MISSING, decimal, estimate

Facts = Mapping[str, Any]

FILE = "claims.yaml"
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
WORDS = {"true": True, "false": False, "none": None}
TOKEN = re.compile(r'"[^"]*"|\S+')
NUMBER = re.compile(r"-?\d+(\.\d+)?")
PATH = re.compile(r"[A-Za-z]\w*(\.[\w%+-]+)*")
# The parts of an estimate; where one fails, the whole estimate is shown.
PARTS = ("value", "low", "high")
GRAMMAR = (
    'write a path, or two or more of: path, number, "text", true, false, none, with one of '
    f"{' '.join(COMPARISONS)} between them and blanks around it; a number may be two with one of "
    f"{' '.join(ARITHMETIC)}"
)


@dataclass(frozen=True)
class Rule:
    """An inequality: operands, each of one term or of two with an arithmetic operator between."""

    text: str
    operands: tuple[tuple[str, ...], ...]
    comparisons: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """The paths of values that it names, each once."""
        terms = [term for operand in self.operands for term in operand[::2]]
        return [path for path in dict.fromkeys(terms) if path not in WORDS and PATH.fullmatch(path)]


@dataclass(frozen=True)
class Claim:
    """The rules that must all hold, and the conditions under which they are asked."""

    rules: tuple[Rule, ...]
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a claim was asked and holds, the numbers that it rests on, and its rules."""

    asked: bool
    holds: bool
    numbers: str
    rules: list[str]


def registered(text: str | None = None) -> tuple[dict[str, Claim], dict[str, Claim]]:
    """Return the conditions and the claims of ``claims.yaml``, or of a text in their place.

    Raises
    ------
    UserError
        If a rule cannot be read, or a condition that a claim names is not there.
    """
    if text is None:
        text = Path(__file__).with_name("claims.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    conditions = {name: _claim(name, entry) for name, entry in (found["conditions"] or {}).items()}
    claims = {name: _claim(name, entry) for name, entry in (found["claims"] or {}).items()}
    for name, claim in claims.items():
        for condition in claim.when:
            if condition not in conditions:
                known = ", ".join(conditions)
                raise UserError(
                    f"{FILE}: {name}: no condition '{condition}'; the conditions are: {known}"
                )
    return conditions, claims


def _claim(name: str, entry: Any) -> Claim:
    when: Any = []
    if isinstance(entry, dict):
        if not {"holds"} <= set(entry) <= {"holds", "when"}:
            raise UserError(f"{FILE}: {name}: has {', '.join(entry)}; give it holds and when")
        entry, when = entry["holds"], entry.get("when", [])
    rules = entry if isinstance(entry, list) else [entry]
    return Claim(
        tuple(parsed(str(rule), name) for rule in rules),
        tuple(when.split() if isinstance(when, str) else when),
    )


def parsed(text: str, name: str = "") -> Rule:
    """Return the rule that a text states; ``name`` is that of its claim, for messages.

    >>> rule = parsed("0 < whether.gain.low < 0.5 * whether.gain.high")
    >>> rule.operands
    (('0',), ('whether.gain.low',), ('0.5', '*', 'whether.gain.high'))
    >>> rule.comparisons, rule.paths
    (('<', '<'), ['whether.gain.low', 'whether.gain.high'])

    Raises
    ------
    UserError
        If it is not one.
    """
    tokens = TOKEN.findall(text)
    groups = [
        (is_comparison, tuple(group))
        for is_comparison, group in itertools.groupby(tokens, COMPARISONS.__contains__)
    ]
    operands = tuple(group for is_comparison, group in groups if not is_comparison)
    comparisons = tuple(group[0] for is_comparison, group in groups if is_comparison)
    rule = Rule(text, operands, comparisons)
    is_whole = len(comparisons) == len(tokens) - sum(map(len, operands)) == len(operands) - 1
    if not (is_whole and all(_is_operand(operand) for operand in operands)):
        raise UserError(f"{FILE}: {name}: '{text}' is no inequality; {GRAMMAR}")
    if not comparisons and rule.paths != list(operands[0]):
        raise UserError(f"{FILE}: {name}: '{text}' compares nothing; {GRAMMAR}")
    return rule


def _is_operand(tokens: tuple[str, ...]) -> bool:
    terms, operators = tokens[::2], tokens[1::2]
    known = all(
        NUMBER.fullmatch(term) or PATH.fullmatch(term) or term.startswith('"') for term in terms
    )
    return known and len(tokens) in (1, 3) and all(sign in ARITHMETIC for sign in operators)


def holds(rule: Rule, facts: Facts) -> bool:
    """Return whether a rule holds; what is missing is in no order to anything.

    A list, such as the values of the seeds, stands for each of its numbers.

    >>> facts = {"low": -0.1, "high": 0.2, "seeds": [0.3, 0.2], "done": True, "suite": "micro"}
    >>> rules = ("low <= 0 <= high", "seeds > high", "done", 'suite == "micro"', "gone == none")
    >>> [holds(parsed(rule), facts) for rule in rules]
    [True, False, True, True, True]
    >>> [holds(parsed(rule), facts) for rule in ("gone < 1", "gone != 1", "high / low > 0", "low")]
    [False, False, False, False]
    """
    values = [_worth(operand, facts) for operand in rule.operands]
    if not rule.comparisons:
        return values[0] is True
    pairs = zip(rule.comparisons, itertools.pairwise(range(len(values))), strict=True)
    return all(
        _compared(name, values[left], values[right], rule.operands[left] + rule.operands[right])
        for name, (left, right) in pairs
    )


def _worth(operand: tuple[str, ...], facts: Facts) -> Any:
    """Return the value of an operand; None where it is not known."""
    terms = [_term(term, facts) for term in operand[::2]]
    if len(terms) == 1:
        return terms[0]
    if not all(map(_is_number, terms)) or (operand[1] == "/" and terms[1] == 0):
        return None
    return ARITHMETIC[operand[1]](*terms)


def _term(term: str, facts: Facts) -> Any:
    if term.startswith('"'):
        return term.strip('"')
    if NUMBER.fullmatch(term):
        return float(term)
    return WORDS[term] if term in WORDS else at_path(term, facts)


def _compared(name: str, left: Any, right: Any, terms: Iterable[str]) -> bool:
    compare = COMPARISONS[name]
    if "none" in terms:
        return compare(left is None, right is None)
    pairs = list(itertools.product(_listed(left), _listed(right)))
    if name in ("==", "!="):
        return bool(pairs) and all(None not in pair and compare(*pair) for pair in pairs)
    return bool(pairs) and all(
        _is_number(one) and _is_number(other) and compare(one, other) for one, other in pairs
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def judged(facts: Facts) -> tuple[dict[str, bool], dict[str, Verdict]]:
    """Return which conditions are met, and the verdict on each claim that is registered."""
    conditions, claims = registered()
    met = {
        name: all(holds(rule, facts) for rule in condition.rules)
        for name, condition in conditions.items()
    }
    return met, {
        name: Verdict(
            all(met[condition] for condition in claim.when),
            all(holds(rule, facts) for rule in claim.rules),
            numbers(claim, facts),
            [rule.text for rule in claim.rules],
        )
        for name, claim in claims.items()
    }


def numbers(claim: Claim, facts: Facts) -> str:
    r"""Return the values that the rules of a claim name, with their paths.

    >>> facts = {"over": {"value": 0.5, "low": 0.4, "high": 0.6}, "n": 7, "seeds": [0.25, 1.0]}
    >>> numbers(Claim((parsed("over.low > 0"), parsed("n < seeds"), parsed("no > 0"))), facts)
    'over = 0.500 (0.400,\xa00.600), n = 7, seeds = 0.250; 1.000, no = —'
    """
    shown = {}
    for path in itertools.chain.from_iterable(rule.paths for rule in claim.rules):
        whole, _, part = path.rpartition(".")
        found = at_path(whole, facts) if part in PARTS else None
        is_estimate = isinstance(found, Mapping) and set(PARTS) <= set(found)
        shown[whole if is_estimate else path] = found if is_estimate else at_path(path, facts)
    return ", ".join(f"{path} = {_written(value)}" for path, value in shown.items())


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return estimate(value) if set(PARTS) <= set(value) else "several values"
    if isinstance(value, list):
        return "; ".join(map(_written, value))
    if _is_number(value):
        return f"{value:,}" if isinstance(value, int) else decimal(value)
    return MISSING if value is None else str(value)


def not_so(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return a line for each claim that was asked and does not hold, in the words of the paper."""
    return [
        f"not so in this run: {name} ({verdict.numbers})"
        for name, verdict in verdicts.items()
        if verdict.asked and not verdict.holds
    ]


def to_json(met: Mapping[str, bool], verdicts: Mapping[str, Verdict]) -> str:
    """Return what ``paper/claims.lua`` reads."""
    found = {
        "claims": {name: asdict(verdict) for name, verdict in verdicts.items()},
        "conditions": dict(met),
    }
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
