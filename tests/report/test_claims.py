"""What the text claims in words: it is registered, holds as committed, and is marked where not."""

import copy
import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pypandoc
import pytest

from memorization import protocol
from memorization.errors import UserError
from memorization.params import load_params
from memorization.report.claims import (
    Verdict,
    holds,
    judged,
    not_so,
    parsed,
    registered,
    to_json,
)
from memorization.report.results import METRICS, read_seeds, tells_of
from memorization.report.variables import at_path
from memorization.report.variables import facts_of as facts_of_results
from memorization.report.write import write_report

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "paper/index.qmd").read_text(encoding="utf-8")
CONDITIONS, CLAIMS = registered()
NOT_SO = re.compile(r"not so in this run: ([a-z-]+)")


def named(attribute):
    """Return the names in an attribute of the text."""
    return {
        name for found in re.findall(rf'\b{attribute}="([^"]*)"', TEXT) for name in found.split()
    }


def facts_of(folder):
    """Return what claims may speak of, but for what is computed of tables, which git lacks."""
    params = load_params(ROOT / "params.yaml")
    metrics = {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in METRICS}
    facts = metrics | {"params": params, "protocol": protocol}
    return facts | {"seeds": read_seeds(folder / "seeds.json", params, metrics)}


def turned_round(found):
    """Return metrics in which every number has the other sign."""
    if isinstance(found, dict):
        # A lower bound is the negative of the upper one.
        swapped = {"low": "high", "high": "low"}
        return {swapped.get(key, key): turned_round(value) for key, value in found.items()}
    if isinstance(found, list):
        return [turned_round(value) for value in found]
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return -found if is_number else found


def from_files(claim, facts):
    """Return whether all that a claim or condition names is in the files of metrics or params."""
    paths = [path for rule in claim.rules for path in rule.paths]
    return all(path.split(".")[0] in facts for path in paths)


def rendered(text, folder, met, verdicts, *options):
    """Return a text as pandoc makes it plain, by the filter, of some verdicts."""
    (folder / "claims.lua").write_bytes((ROOT / "paper/claims.lua").read_bytes())
    (folder / "claims.json").write_text(to_json(met, verdicts), "utf-8")
    arguments = [f"--lua-filter={folder / 'claims.lua'}", "--wrap=none", *options]
    return pypandoc.convert_text(text, "plain", format="markdown", extra_args=arguments)


def committed(path):
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True)
    return json.loads(shown.stdout if shown.returncode == 0 else (ROOT / path).read_bytes())


def test_every_claim_holds_in_the_committed_results():
    claims = committed("paper/claims.json")["claims"]
    assert claims.keys() == CLAIMS.keys()
    wrong = {name: of["numbers"] for name, of in claims.items() if of["asked"] and not of["holds"]}
    assert wrong == {}


def test_the_verdicts_are_those_of_the_metrics():
    """As a stage that has not run since the metrics or the rules changed would not have it."""
    facts = facts_of(ROOT / "results/metrics")
    met, verdicts = judged(facts)
    now = json.loads(to_json(met, verdicts))
    written = json.loads((ROOT / "paper/claims.json").read_text("utf-8"))
    known_here = [name for name, condition in CONDITIONS.items() if from_files(condition, facts)]
    assert {name: now["conditions"][name] for name in known_here} == {
        name: written["conditions"].get(name) for name in known_here
    }
    for name, claim in CLAIMS.items():
        keys = ("asked", "holds", "numbers", "rules") if from_files(claim, facts) else ("rules",)
        said = written["claims"].get(name, {})
        assert {key: now["claims"][name][key] for key in keys} == {
            key: said.get(key) for key in keys
        }, f"{name}: run `dvc repro report`"


def test_every_claim_and_condition_of_the_text_is_registered_and_each_is_used():
    assert named("claim") == set(CLAIMS)
    whens = {name for claim in CLAIMS.values() for name in claim.when}
    assert named("only") <= set(CONDITIONS)
    assert named("only") | whens == set(CONDITIONS)
    for name in (*CLAIMS, *CONDITIONS):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name), name


def test_what_a_rule_names_is_there_and_each_condition_is_met_for_some_target(
    results, large, published
):
    every = [facts_of_results(found) for found in (results, large, published)]
    every.append(facts_of(ROOT / "results/metrics"))
    for name, claim in (CLAIMS | CONDITIONS).items():
        for path in (path for rule in claim.rules for path in rule.paths):
            assert any(at_path(path, facts) is not None for facts in every), f"{name}: {path}"
    for name in CONDITIONS:
        assert any(judged(facts)[0][name] for facts in every), name


def test_a_result_turned_round_is_said_not_to_be_so(tmp_path):
    """In the text, by pandoc: of the metrics as committed, and with every sign changed."""
    facts = facts_of(ROOT / "results/metrics")
    met, verdicts = judged(facts)
    own = {name for name, claim in CLAIMS.items() if from_files(claim, facts)}
    assert not own & set(NOT_SO.findall(rendered(TEXT, tmp_path, met, verdicts)))
    turned = {name: turned_round(facts[name]) for name in (*METRICS, "seeds") if name in facts}
    _, wrong = judged(facts | turned)
    said = {name for name in own if wrong[name].asked and not wrong[name].holds}
    assert said, "no claim is about an order"
    assert said <= set(NOT_SO.findall(rendered(TEXT, tmp_path, met, wrong)))


@pytest.mark.parametrize("target", ["results", "smallest", "large", "published"])
def test_the_text_renders_whatever_the_target(target, request, tmp_path):
    met, verdicts = judged(facts_of_results(request.getfixturevalue(target)))
    text = rendered(TEXT, tmp_path, met, verdicts)
    lines = not_so(verdicts)
    assert set(NOT_SO.findall(text)) == {NOT_SO.match(line)[1] for line in lines}
    plain = text.replace("\u00a0", " ")
    assert all(line.replace("\u00a0", " ") in plain for line in lines)
    assert met["micro"] == (target in ("results", "smallest"))
    assert ("Held-out windows that share no long run" in text) == met["micro"]


@pytest.mark.parametrize("target", ["smallest", "large"])
def test_the_report_is_written_though_claims_do_not_hold(target, request, tmp_path, monkeypatch):
    for name in ("FIGURES", "TABLES"):
        monkeypatch.setattr(f"memorization.report.write.{name}", {})
    lines = write_report(request.getfixturevalue(target), tmp_path)
    written = json.loads((tmp_path / "claims.json").read_text("utf-8"))["claims"]
    wrong = [name for name, of in written.items() if of["asked"] and not of["holds"]]
    assert sorted(NOT_SO.match(line)[1] for line in lines) == sorted(wrong)


# ---- The filter

MET = {"micro": True, "pythia": False}
VERDICTS = {
    "so": Verdict(True, True, "a = 1", ["a > 0"]),
    "wrong": Verdict(True, False, "a.b_c = 0.120, d = 0.340", ["a.b_c > d"]),
    "worse": Verdict(True, False, "e = —", ["e > 0"]),
    "unasked": Verdict(False, False, "f = —", ["f > 0"]),
}
WRONG = "not so in this run: wrong (a.b_c = 0.120, d = 0.340)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('All [is well]{claim="so"}.', "All is well."),
        ('All [is well]{claim="wrong"}.', f"All {WRONG}."),
        (
            'All [is well]{claim="so wrong worse"}.',
            f"All {WRONG}; not so in this run: worse (e = —).",
        ),
        ('[Well, [very]{claim="so"} well.]{claim="so"} Yes.', "Well, very well. Yes."),
        ('[Well.]{claim="unasked"} Yes.', "Yes."),
        ('[Well.]{only="micro"} [No.]{only="pythia"} Yes.', "Well. Yes."),
        ('[Well.]{only="micro pythia"} Yes.', "Yes."),
        ('[Well.]{only="pythia" claim="wrong"} Yes.', "Yes."),
        ('[Well.]{only="micro" claim="wrong"} Yes.', f"{WRONG} Yes."),
        ('::: {claim="so"}\nOne.\n\nTwo.\n:::\n\nYes.', "One.\n\nTwo.\n\nYes."),
        ('::: {claim="wrong"}\nOne.\n\nTwo.\n:::\n\nYes.', f"{WRONG}\n\nYes."),
        ('::: {only="pythia"}\n# One\n\nTwo.\n:::\n\nYes.', "Yes."),
        ('![Well, [so]{claim="wrong"}.](a.svg){#fig-a}', f"[Well, {WRONG}.]"),
        ("[Nothing]{.asked} of it.", "Nothing of it."),
    ],
)
def test_a_passage_is_left_replaced_or_left_out(text, expected, tmp_path):
    found = rendered(text, tmp_path, MET, VERDICTS).strip()
    assert re.sub(" +", " ", found) == expected


def test_the_abstract_is_held_to_the_results_as_well(tmp_path):
    text = '---\nabstract: |\n  All [is well]{claim="wrong"}.\n---\n\nYes.\n'
    (tmp_path / "template").write_text("$abstract$", "utf-8")
    shown = rendered(text, tmp_path, MET, VERDICTS, f"--template={tmp_path / 'template'}")
    assert WRONG in shown.replace("**", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[Well]{claim="gone"}', 'claim="gone": no such name in claims.json; add it to '),
        ('[Well]{only="gone"}', 'only="gone": no such name in claims.json; add it to '),
    ],
)
def test_a_name_that_is_not_registered_stops_the_rendering(text, message, tmp_path):
    with pytest.raises(RuntimeError, match=re.escape(message)):
        rendered(text, tmp_path, MET, VERDICTS)


# ---- The rules


@pytest.mark.parametrize(
    "rule",
    [
        *("a >", "> a", "a b", "a > > b", "a >> b", "a = b", "3", "a +", "a + b", "1 < a + b + c"),
        *("", '"text"', "a > b ** 2", "a.__class__ > 1 if b", "abs(a) > 1", "true", "a > 5%"),
    ],
)
def test_what_is_no_inequality_is_refused(rule):
    with pytest.raises(
        UserError, match=r"^claims\.yaml: it: '.*(is no inequality|compares nothing);"
    ):
        parsed(rule, "it")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conditions:\nclaims:\n  a: {holds: b > 1, when: gone}", "a: no condition 'gone'; the"),
        ("conditions:\nclaims:\n  a: {hold: b > 1}", "a: has hold; give it holds and when"),
    ],
)
def test_a_mistake_in_the_registry_is_explained(text, message):
    with pytest.raises(UserError, match=re.escape(f"claims.yaml: {message}")):
        registered(text)


def test_the_example_of_the_docs_can_be_read():
    page = (ROOT / "docs/extending.md").read_text("utf-8")
    conditions, claims = registered(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    facts = facts_of(ROOT / "results/metrics")
    every = [rule for claim in (conditions | claims).values() for rule in claim.rules]
    assert len(every) == 5
    assert all(at_path(path, facts) is not None for rule in every for path in rule.paths)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a.low > 0", True),
        ("a.low > a.high", False),
        ("0 < a.low < a.high", True),
        ("0 < a.high < a.low", False),
        ("a.high >= 2 * a.low", True),
        ("a.high / a.low <= 2.5", False),
        ("a.high - a.low == 0.75", True),
        ("-1 < a.low", True),
        ("seeds > 0", True),
        ("seeds > 0.2", False),
        ("seeds < seeds", False),
        ('suite.name == "micro suite"', True),
        ('suite.name != "micro suite"', False),
        ("done == true", True),
        ("done == false", False),
        ("a.low == none", False),
        ("gone != none", False),
        ("gone.low > 0", False),
        ("gone.low <= 0", False),
        ("gone == 0", False),
        ("done > 0", False),
        ("suite.name > 0", False),
        ("a.low / nothing > 0", False),
        ("empty > 0", False),
        ("partly > 0", False),
        ("a > 0", False),
    ],
)
def test_what_a_rule_says(rule, expected):
    facts = {
        "a": {"value": 0.5, "low": 0.25, "high": 1.0},
        "seeds": [0.1, 0.2],
        "suite": SimpleNamespace(name="micro suite"),
        "done": True,
        "nothing": 0,
        "empty": [],
        "partly": [0.1, None],
    }
    assert holds(parsed(rule), facts) is expected


def test_seeds_are_of_this_run_where_they_tell_the_same_of_it(results):
    seeds, metrics, seed = results.seeds, results.metrics, results.params.seed
    assert tells_of(seeds, metrics, seed)
    assert not tells_of(seeds | {"seeds": [7, 8, 9, 10, 11]}, metrics, seed)
    other = copy.deepcopy(metrics)
    other["arm"]["ed50"]["value"] += 1
    assert not tells_of(seeds, other, seed)
    # Of an earlier version, with a number that is told no more.
    assert not tells_of(seeds | {"headline": {"other": {"values": [1, 2, 3, 4, 5]}}}, metrics, seed)
