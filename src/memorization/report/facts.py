"""What the sentences of ``variables.yaml`` need beyond the metrics, and which of them hold.

A function adds the facts of a topic, by name, and the cases of its variables, by topic.name.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memorization import protocol
from memorization.association.correlation import SAME
from memorization.association.univariate import CHANCE
from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.sums import weighted_mean
from memorization.protocol import TIERS
from memorization.report.figures.calibration import grouped
from memorization.report.figures.importance import lost
from memorization.report.names import family_name, listed, model_name, stratum_name
from memorization.report.numbers import (
    VERSUS,
    Estimate,
    count,
    decimal,
    defined,
    estimate,
    large,
    percent,
    percent_estimate,
    share,
    side,
    span,
)
from memorization.report.results import Results
from memorization.report.tables.families import LITTLE, same_pairs
from memorization.report.tables.seeds import NAMES as SEEDS_NAMES
from memorization.siblings.analyse import tokens_seen
from memorization.when.models import MODELS
from memorization.whether.importance import LARGEST

# The weaker splits, as facts and files call them: random, and fold_random.
LEAKY = ("random", "continuation")

Facts = dict[str, Any]
Cases = dict[str, str]


def suite(results: Results, facts: Facts, cases: Cases) -> None:
    """Add the models, their data, and how the sample was drawn."""
    suite, params = results.suite, results.params
    memorized = results.metrics["labels"]["memorized_by_model"]
    smaller = suite.smaller(params.target)
    of_model = {
        name: {"parameters": size, "memorized": memorized[name] / suite.population}
        for name, size in suite.parameters.items()
    }
    corpus = suite.manifest.get("corpus", {})
    domains = sorted(set(results.sample["domain"].dropna()))
    micro = suite.name == "micro"
    reference = smaller[:1] if micro else {params.pythia.reference} & set(smaller)
    facts |= {
        "forward": protocol.SEQUENCE - 1,
        "n_followed": len(results.followed),
        "level": f"{100 * params.bootstrap.level:g}",
        "n_models": len(suite.models),
        "smallest": of_model[suite.models[0]],
        "largest": of_model[suite.models[-1]],
        "target": of_model[params.target],
        "smaller": smaller,
        "reference": list(reference),
        "last_step": suite.steps[-1],
        "tokens": tokens_seen(suite, suite.steps[-1]),
        "counted_tokens": f", {large(corpus['tokens'])} tokens" if "tokens" in corpus else "",
        "domains": domains,
        "n_domains": len(domains),
    }
    kind = "micro" if micro else suite.manifest["variant"]
    source = corpus.get("source", "unknown")
    source = source if source in ("sample", "preshuffled", "raw") else "unknown"
    cases |= dict.fromkeys(("suite.abstract", "suite.order", "suite.text"), kind) | {
        "suite.counted": "micro" if micro else source,
        "protocol.sample": suite.name,
        "labels.selected": suite.name,
    }


def labels(results: Results, facts: Facts, cases: Cases) -> None:
    """Add where the states and times come from, and whether what is memorized stays so."""
    found, steps = results.metrics["labels"], results.steps.tolist()
    source, n_all = found["times"]["source"], len(results.suite.steps)
    gaps = {after - before for before, after in itertools.pairwise([0, *steps])}
    scan = "some" if len(steps) < n_all else "even" if len(gaps) == 1 else "all"
    ever = results.trajectories.memorized.any(axis=1)
    lost_again = ~results.followed["memorized"].to_numpy(dtype=bool)[ever]
    facts |= {
        "n_steps": len(steps),
        "first_step": steps[0],
        "n_checkpoints": n_all,
        "steps": listed([count(step) for step in steps]),
        "late": int(results.targets.left_censored.sum()),
        "n_lost": int(lost_again.sum()),
    }
    absorbing = "unknown" if len(steps) < 2 else "some" if lost_again.any() else "none"
    if absorbing == "some":
        facts["lost"] = defined(
            results.when_bootstrap.take(np.asarray(ever)).estimate(
                lambda truth, _, weight: weighted_mean(truth, weight),
                lost_again,
                lost_again,
                results.when_weight[ever],
            )
        )
    early, agreement = found["of_the_memorized"]["before_being_seen"], found.get("agreement")
    cases |= {
        "labels.abstract": source,
        "labels.evaluated": scan if source == "scan" else source,
        "labels.absorbing": absorbing,
        "labels.early_copies": "unknown" if early is None else "known",
    }
    if results.suite.name != "micro" and agreement and agreement["share"] is not None:
        cases["labels.end"] = "agreement"


def strata(results: Results, facts: Facts, cases: Cases) -> None:
    """Add what repetition of the whole, and of the continuation, says of memorization."""
    whole, part = (results.strata(f"{name}_count") for name in ("sequence", "continuation"))
    # A sequence that the sample does not hold counts as one all the same.
    where = "the training data" if results.suite.name == "micro" else "what was counted"
    facts["where"] = where
    known = "known" if "1" in whole else "unknown"
    cases |= {"strata.repetition": known, "strata.limit": known}
    cases |= dict.fromkeys(("strata.continuation", "strata.beyond"), "unknown")
    if "1" in whole:
        last, most = list(whole.items())[-1]
        sizes = {name: of["population"] for name, of in whole.items()}
        memorized = {name: sizes[name] * of["prevalence"]["value"] for name, of in whole.items()}
        of_memorized = share(memorized["1"], sum(memorized.values()))
        once = {"of_population": sizes["1"] / sum(sizes.values()), "of_memorized": of_memorized}
        facts |= {"once": whole["1"] | once, "most": most | {"times": _at_least(last)}}
    if not part:
        return
    of_cases = whole.get("1", {}).get("counts_of_cases", {}).get("continuation_count")
    facts["of_once"] = ""
    if of_cases:
        times = span([of_cases["least"], of_cases["most"]], 0)
        facts["of_once"] = (
            f"The {count(whole['1']['cases'])} memorized sequences of the sample that occur once "
            f"have continuations that occur {times} times. "
        )
    # The strata of the smallest counts in which no row of the sample is memorized.
    never = list(itertools.takewhile(lambda name: not part[name]["cases"], part))
    first = percent_estimate(next(iter(part.values()))["prevalence"])
    facts["of_rare"] = (
        f"Of the sequences whose continuation occurs once in {where}, {first} are memorized"
    )
    if never:
        most_often = never[-1].rpartition("-")[2]
        times = "once" if most_often == "1" else f"at most {most_often} times"
        total = sum(stratum["population"] for stratum in part.values())
        facts["of_rare"] = (
            f"Of the {count(sum(part[name]['n'] for name in never))} sequences of the sample whose "
            f"continuation occurs {times} in {where}, none is memorized; they stand for "
            f"{percent(sum(part[name]['population'] / total for name in never))} of the training "
            "sequences"
        )
    tier, best = results.best_of_all("whether")
    told: dict[bool, list[str]] = {True: [], False: []}
    for name, stratum in part.items():
        gain = stratum.get(tier, {}).get(best, {}).get("average_precision_gain")
        if gain is not None:
            of_them = f"{count(stratum['cases'])} memorized of {count(stratum['n'])}"
            text = f"{_at_least(name)} times ({estimate(gain, 2)}; {of_them})"
            told[side(gain) == "above"].append(text)
    facts |= {"beyond": told[True], "not_beyond": told[False]}
    if told[True]:
        cases["strata.beyond"] = "somewhere" if told[False] else "everywhere"
    else:
        cases["strata.beyond"] = "nowhere" if told[False] else "nothing"
    cases["strata.continuation"] = "known"


def _at_least(stratum: str) -> str:
    return stratum_name(stratum, "at least ")


def split(results: Results, facts: Facts, cases: Cases) -> None:
    """Add how well training and test folds are kept apart."""
    found = results.metrics["split"]
    facts["exposed"] = {
        scheme: share(found[scheme]["exposed_cases"], found["cases"])
        for scheme in ("fold", "fold_random")
    }
    cases["split.apart"] = "cut" if found["fold"]["exposed"] else "whole"


def arm(results: Results, facts: Facts, cases: Cases) -> None:
    """Add what the lottery shows, and where it is furthest from natural texts."""
    found = results.metrics["arm"]
    cases["arm.answer"] = "done" if found["done"] else "none"
    cases |= {"arm.gap": "none", "arm.tested": "none"}
    if not found["done"]:
        return
    tested = (results.experiment or found)["tested"]
    if {"exposure_clock", "with_text"} <= set(tested):
        cases["arm.tested"] = "some"
        facts["tested"] = {
            "error": tested["exposure_clock"]["brier"]["memorized"],
            "saved": tested["with_text"]["saved"]["memorized"],
        }
    level, contrasts = 1 - results.params.bootstrap.level, found["contrasts"]["logprob"]
    told = [name for name, of in contrasts.items() if (of["p_holm"] or 1) <= level]
    words = _quoted([name.replace("_", " ") for name in told])
    facts["arm_shown"] = f"{words} {'differs' if len(told) == 1 else 'differ'} from exact copies"
    gaps = {dose: of for dose, of in (found["gap"] or {}).items() if side(of["gap"]) != "unknown"}
    if gaps:
        cases["arm.gap"] = "some"
        dose = max(gaps, key=lambda dose: abs(gaps[dose]["gap"]["value"]))
        facts["gap"] = gaps[dose] | {"dose": dose}


def seeds(results: Results, facts: Facts, cases: Cases) -> None:
    """Add what other seeds change."""
    found = results.seeds
    cases["seeds.answer"] = "several" if found else "one"
    if found is None:
        return
    always = None
    if found["memorized_in"] is not None:
        # Sequences memorized in 0, 1, … of the seeds.
        times = np.sum(list(found["memorized_in"].values()), axis=0)
        always = share(float(times[-1]), float(times[1:].sum()))
    shown: dict[bool, list[str]] = {True: [], False: []}
    for name, of in found["differences"].items():
        shown[side(of) in ("above", "below")].append(SEEDS_NAMES[name])
    facts |= {
        "seeds": found,
        # Where these are not among the models that ran, their gain is missing.
        "seeds_gain": found["differences"].get("boosting_over_count"),
        "seeds_named": listed([str(seed) for seed in found["seeds"]]),
        "seeds_least": min(found["headline"]["memorized"]["values"]),
        "seeds_most": max(found["headline"]["memorized"]["values"]),
        "seeds_always": always,
        "seeds_shown": _quoted(shown[True]),
        "seeds_not_shown": _quoted(shown[False]),
    }


def _quoted(names: list[str]) -> str:
    return listed([f"*{name}*" for name in names])


def _scored(results: Results, question: str, key: tuple[str, str] | None) -> Facts | None:
    """Return the scores of the model (tier, name) with these two; None without model."""
    if key is None:
        return None
    return results.metrics[question][key[0]][key[1]] | {"tier": key[0], "model": key[1]}


def whether(results: Results, facts: Facts, cases: Cases) -> None:
    """Add the best classifiers, what they gain, what leaks, and what they rely on."""
    scores, metric = results.metrics["whether"], "average_precision"
    tiers = [tier for tier in results.tiers("whether") if results.fitted("whether", tier)]
    best, lowest = (tiers[-1], results.best("whether", tiers[-1])), tiers[0]
    data_tier = "corpus" if "corpus" in results.tiers("whether") else best[0]
    data = (data_tier, results.best("whether", data_tier))
    names = ("duplicate_count", "continuation_count", "smaller_sibling")
    counted = results.baseline("whether", "continuation_count")
    facts |= {
        "best": _scored(results, "whether", best),
        "data": _scored(results, "whether", data),
        "counted": _scored(results, "whether", counted),
        "duplicates": _scored(results, "whether", results.baseline("whether", names[0])),
        "over": {name: results.gain_over("whether", best, name, metric) for name in names},
        "data_over": {name: results.gain_over("whether", data, name, metric) for name in names},
        "steps_up": _steps_up(results, "whether", metric),
        "calibration": ". ".join(_calibration(results, best[0])),
        "largest_importance": LARGEST,
    }
    for prefix, tier in (("", best[0]), ("low_", lowest)):
        measured = {name: scores["leakage"][f"fold_{name}"][tier] for name in LEAKY}
        model = results.best("whether", tier, measured["random"])
        leaky = {name: own[model] for name, own in measured.items()}
        facts[f"{prefix}leakage"] = leaky | {"tier": tier, "model": model}
    uncounted = "uncounted" if counted is None else "counted"
    cases |= {
        "whether.headline": uncounted,
        "whether.over_tiers": "some" if facts["steps_up"]["gained"] else "one",
        "whether.unexposed": "none",
        "importance.thinned": "some" if len(results.sample) > LARGEST else "all",
    }
    left = scores.get("unexposed")
    if left is not None:
        rows, n_cases = scores["n"] - left["n"], scores["cases"] - left["cases"]
        of_them = "all" if n_cases == rows else count(n_cases)
        facts["unexposed"] = {"rows": rows, "of_them": of_them}
        cases["whether.unexposed"] = uncounted if best[0] in left else "nothing"
        if best[0] in left:
            facts["unexposed"]["best"] = left[best[0]][best[1]]
            facts["unexposed"]["counted"] = left[counted[0]][counted[1]] if counted else None
    table = results.importance
    table = table[(table["tier"] == best[0]) & (table["model"] == best[1])]
    table = table.sort_values("importance", ascending=False, kind="stable")
    single = table["feature"].str.contains(".", regex=False)
    for name, rows in (
        ("first_family", table[~single][:1]),
        ("second_family", table[~single][1:2]),
        ("first_feature", table[single][:1]),
    ):
        ranked = [{"name": row["feature"], "lost": lost(row)} for _, row in rows.iterrows()]
        facts[name] = ranked[0] if ranked else None
    facts |= _in_doubt(results, data)
    cases["whether.in_doubt"] = "some" if facts["doubtful"] else "none"
    cases["whether.by_text"] = "some" if facts["text_stacked"] else "none"


def _in_doubt(results: Results, data: tuple[str, str]) -> Facts:
    """Return the scores where prediction is a question, and those of the text alone."""
    scores = results.metrics["whether"]
    text = scores.get("text", {})
    over = scores["gains"]["over_baseline"].get("text", {}).get("stacked", {}).get("ngrams")
    facts: Facts = {
        "doubtful": None,
        "text_stacked": text.get("stacked"),
        "text_ngrams": text.get("ngrams"),
        "text_boosting": text.get("boosting"),
        "text_gain": over,
    }
    tier, model = data
    found = {name: scores.get(name, {}) for name in ("repeated", "uncertain", "matched")}
    if not all(model in own.get(tier, {}) for own in found.values()):
        return facts
    for name in ("repeated", "uncertain"):
        facts[name] = {key: found[name][key] for key in ("n", "cases")} | {
            "best": found[name][tier][model],
            "counted": found[name][tier]["continuation_count"],
        }
    strata = [stratum_name(name) for name in found["uncertain"]["strata"]]
    return facts | {
        "doubtful": listed(strata),
        "matched": {
            "best": found["matched"][tier][model],
            "text": found["matched"]["text"][results.best("whether", "text")],
        },
    }


def _steps_up(results: Results, question: str, metric: str) -> Facts:
    """Return what the best model of the highest tier gains by each step, and what is shown."""
    steps = results.gain_by_tier(question, results.best_of_all(question)[1], metric)
    silent = [tier for tier, gain in steps.items() if side(gain) != "above"]
    help_ = f"that {listed(silent)} {'helps' if len(silent) == 1 else 'help'} is not shown"
    return {
        "gained": [f"{estimate(gain, 2)} with the tier *{tier}*" for tier, gain in steps.items()],
        "shown": help_ if silent else "every step is shown to help",
    }


def _calibration(results: Results, tier: str) -> list[str]:
    """Return how well the probabilities of every model of a tier are calibrated."""
    said = []
    for model in results.fitted("whether", tier):
        scores = results.metrics["whether"][tier][model]
        ratio, slope = scores["observed_to_expected"], scores["calibration_slope"]
        said.append(
            f"With {model_name(model)}, {estimate(ratio, 2)} sequences are memorized per predicted "
            f"one, and the slope is {estimate(slope, 2)}: {calibrated(ratio, slope)}"
        )
        off = off_groups(
            results.probability(tier, model), results.memorized, results.weight, results.bootstrap
        )
        said += [f"Of its groups, {listed(off)}"] if off else []
    return said


def calibrated(ratio: Estimate, slope: Estimate) -> str:
    """Return what the two intervals say.

    >>> ones = {"value": 1.0, "low": 0.9, "high": 1.1}
    >>> calibrated(ones, ones), calibrated(ones, {"value": 0.5, "low": 0.4, "high": 0.7})
    ('neither can be told from one', 'its odds are too extreme')
    """
    expects = {"below": "it expects too many", "above": "it expects too few"}
    odds = {"below": "its odds are too extreme", "above": "its odds are not extreme enough"}
    sides = (side(ratio, 1), side(slope, 1))
    if "unknown" in sides:
        return "this is too little to judge by"
    wrong = [words[of] for words, of in zip((expects, odds), sides, strict=True) if of in words]
    return listed(wrong, "neither can be told from one")


def off_groups(
    predicted: np.ndarray, truth: np.ndarray, weight: np.ndarray, bootstrap: Bootstrap
) -> list[str]:
    """Return the groups whose interval does not hold what was predicted, in words."""
    groups = grouped(predicted, truth, weight, bootstrap).rename(columns={"observed": "value"})
    records: list[Any] = groups.to_dict("records")
    return [
        f"that predicted at {percent(group['predicted'])} is observed at {percent_estimate(group)}"
        for group in records
        # All resamples agree where nothing was observed, or nothing else: that says little.
        if group["low"] < group["high"] and not group["low"] <= group["predicted"] <= group["high"]
    ]


def association(results: Results, facts: Facts, cases: Cases) -> None:
    """Add how features and families fare, and what they add to duplication."""
    found, table = results.metrics["association"], results.association
    # In the order of the features, which the metrics do not keep.
    families = {name: found["families"][name] for name in dict.fromkeys(table["family"])}
    tiers = {tier: found["tiers"][tier] for tier in TIERS if tier in found["tiers"]}
    distance, against = (table["auroc"] - CHANCE).abs(), table["agreement"] == "contradicts"
    contradicted = _contradicted(table)
    verdicts: dict[str, list[str]] = {
        verdict: [name for name, of in families.items() if of["verdict"] == verdict]
        for verdict in ("useful", "harmful", "redundant", "no signal", "undetermined")
    }
    added, of_tiers = _added(families), _added(tiers)
    sides = {which: [n for n, g in added.items() if side(g) == which] for which in VERSUS}
    worse = (
        f"; with {listed([family_name(name) for name in sides['below']])} it does worse than alone"
    )
    known = [gain["high"] or 0 for gain in added.values() if side(gain) != "unknown"]
    facts |= {
        "n_features": len(table),
        "n_families": len(families),
        "n_pairs": len(families) * (len(families) - 1) // 2,
        "best_feature": table.iloc[int(distance.argmax())].to_dict(),
        "same": f"{SAME:g}",
        "n_same": len(same_pairs(results.correlation)),
        "little": f"{LITTLE:g}",
        "verdicts": verdicts,
        "contradicted": contradicted,
        "whole": [
            f"{estimate(of['average_precision'], 2)} at the tier {t}" for t, of in tiers.items()
        ],
        "tiers_above": _at_tiers(of_tiers, "above"),
        "tiers_below": _at_tiers(of_tiers, "below"),
        "added": sides,
        "most_added": max(known, default=None),
        "worse_with": worse if sides["below"] else "",
    }
    if against.any():
        facts["reversed"] = table[against].iloc[int(distance[against].argmax())].to_dict()
    if found["kinds"]:
        name, own = max(found["kinds"].items(), key=lambda item: item[1]["cases"])
        of_them = "all" if own["cases"] == found["cases"] else count(own["cases"])
        facts["kind"] = {"name": name, "share": of_them, "others": own["n"] - own["cases"]}
    several = ("none", "one", "several")[min(2, len(sides["above"]))]
    cases |= {
        "association.contradicted": "some" if contradicted else "none",
        "association.reversed": "some" if against.any() else "none",
        "association.duplication": "known" if "duplication" in families else "unknown",
        "association.whole_versus_duplication": "known" if of_tiers else "unknown",
        "association.beyond_duplication": several if known else "unknown",
        "association.kinds": "known" if found["kinds"] else "unknown",
    }


def _contradicted(table: pd.DataFrame) -> list[str]:
    """Return the families that go against expectation more often than with it, most first."""
    told = []
    for family, own in table.groupby("family", sort=False)["agreement"]:
        against, as_expected = int((own == "contradicts").sum()), int((own == "agrees").sum())
        if against > as_expected:
            told.append((against, as_expected, family_name(str(family))))
    # Of like ones, in the order of the features.
    told.sort(key=lambda row: -row[0])
    said = [f"{name} ({against} against, {as_expected})" for against, as_expected, name in told]
    return [text.replace(")", " with it)") for text in said[:1]] + said[1:]


def _added(scores: Mapping[str, Any]) -> dict[str, Estimate]:
    key = "average_precision_added_to_duplication"
    return {name: score[key] for name, score in scores.items() if key in score}


def _at_tiers(gains: Mapping[str, Estimate], which: str) -> str:
    names = [tier for tier, gain in gains.items() if side(gain) == which]
    return f"the tier{'s' if len(names) > 1 else ''} {listed(names)}" if names else "no tier"


def siblings(results: Results, facts: Facts, cases: Cases) -> None:
    """Add what the next smaller model and the smallest tell of the target."""
    found, target = results.metrics["siblings"], results.params.target
    compute, pairs = found["compute"], found["pairs"].get(target, {})
    ranked = [
        pairs[model] | {"name": model, "compute": compute[model] / compute[target]}
        for model in sorted(pairs, key=compute.__getitem__)
    ]
    silent = [of["name"] for of in ranked if of["precision"] is None]
    first, last = (ranked[0], ranked[-1]) if ranked else (None, None)
    facts |= {"next": last, "cheapest": first, "silent": silent}
    several = "silent" if first and first["name"] in silent else "several"
    cases |= {
        "siblings.answer": ("none", "one", several)[min(2, len(ranked))],
        "siblings.undefined": ("none", "one", "several")[min(2, len(silent))],
    }


def when(results: Results, facts: Facts, cases: Cases) -> None:
    """Add the best survival model beside the baselines, or what an answer would cost."""
    found, n, metric = results.metrics["when"], len(results.followed), "concordance_memorized"
    largest = {name: MODELS[name].largest for name in results.params.when.models}
    limits = [f"{model_name(m)} to {count(most)}" for m, most in largest.items() if n > (most or n)]
    facts["limits"] = limits
    done = ("n_events", "abstract", "happened", "answer", "calibration")
    cases |= {f"when.{name}": "done" if found["done"] else "not_done" for name in done} | {
        "when.event": results.params.when.event,
        "when.counted": found.get("strata") or "unknown",
        "when.thinned": "some" if limits else "none",
        "when.stays": "unknown",
        "when.remaining": "unknown",
    }
    if not found["done"]:
        facts["cost"] = describe_cost(found["cost"])
        return
    clock = _scored(results, "when", results.baseline("when", "exposure_clock"))
    if clock and "stay_observed_to_expected" in clock:
        cases["when.stays"] = "known"
        facts["clock"] = clock
    if found["remaining"]:
        cases["when.remaining"] = "known"
        facts["rest"] = found["remaining"]["50"]
    key, last = results.best_of_all("when"), results.suite.steps[-1]
    rival = results.gain_over_best("when", key, metric)
    best = _scored(results, "when", key) or {}
    times, steps_up = (
        results.metrics["labels"]["of_the_memorized"],
        _steps_up(results, "when", metric),
    )
    medians = {name: times[f"{name}_step_quantiles"]["50%"] for name in ("first", "stable")}
    from_text = _from_text(results)
    ratio = estimate(best.get("observed_to_expected_at_100"), 2)
    off = off_groups(
        results.risk_by_end(*key),
        results.targets.event,
        results.when_weight,
        results.when_bootstrap,
    )
    facts |= {
        "when_best": best,
        "when_rival": _scored(results, "when", results.baseline("when", rival["baseline"])),
        "nothing": _scored(results, "when", results.baseline("when", "kaplan_meier")),
        "over_rival": rival,
        "state": _states(results),
        "versus_chance": VERSUS[side(best[metric], CHANCE)],
        "medians": {k: {"step": step, "share": share(step, last)} for k, step in medians.items()},
        "error_share": share(best["absolute_error_steps"]["value"], last),
        "from_text": from_text,
        "from_text_capital": from_text[:1].upper() + from_text[1:],
        "when_steps": "From one tier to the next its concordance among the memorized gains "
        f"{listed(steps_up['gained'])}; {steps_up['shown']}"
        if steps_up["gained"]
        else "There is one tier alone, so none to compare it with",
        "when_calibration": f"with {model_name(key[1])}, {ratio} sequences have the event per "
        f"expected one{'; of its groups, ' if off else ''}{listed(off, '')}",
    }


def _states(results: Results) -> str:
    """Return which model forecasts the state at every checkpoint best, as a sentence."""
    found = {
        (tier, model): scores["state_skill"]
        for tier, model, scores in results.scored("when")
        if "state_skill" in scores and not results.is_baseline("when", tier, model)
    }
    known = {key: of["value"] for key, of in found.items() if of["value"] is not None}
    if not known:
        return "No model that was fitted says what comes after the first onset"
    key = max(known, key=lambda one: known[one])
    gain = results.gain_over_best("when", key, "state_skill")
    return (
        f"The state at every checkpoint, which may be lost and come again, is forecast best by "
        f"{model_name(key[1])} at the tier {key[0]}, with a skill of {estimate(found[key], 2)}; "
        f"the best rule without text, the {model_name(gain['baseline'])}, is behind by "
        f"{estimate(gain, 2)}"
    )


def _from_text(results: Results) -> str:
    """Return which models rank the memorized by time from the text alone, as a clause."""
    tier = TIERS[0]
    fitted = results.fitted("when", tier) if tier in results.tiers("when") else []
    found = {m: results.metrics["when"][tier][m]["concordance_memorized"] for m in fitted}
    told = [model_name(model) for model in fitted if side(found[model], CHANCE) == "above"]
    values = span([of["value"] for of in found.values() if of["value"] is not None] or [CHANCE])
    if not fitted:
        return "from the text alone nothing was fitted"
    if not told:
        return f"from the text alone no model is shown to tell it better than chance ({values})"
    return (
        f"from the text alone {listed(told)} tell it better than chance ({values} over all models)"
    )


def describe_cost(cost: Mapping[str, Any]) -> str:
    """Return what a scan of the checkpoints would cost, in words.

    >>> cost = {"checkpoints": 143, "sequences": 60000, "gigabytes": 418.99}
    >>> describe_cost(cost | {"gpu_hours": {"A100": 4.2483, "H100": 1.4161}})
    '419 GB to download and 4.2 hours of one A100 or 1.4 hours of one H100, for 143 checkpoints'
    """
    hours = " or ".join(
        f"{decimal(value, 1)} hours of one {gpu}" for gpu, value in cost["gpu_hours"].items()
    )
    download = f"{count(cost['gigabytes'])} GB to download and " if cost["gigabytes"] else ""
    return f"{download}{hours}, for {count(cost['checkpoints'])} checkpoints"
