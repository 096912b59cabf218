"""The sentences of the paper that depend on the results: which holds is decided by what is found.

A function makes the sentences of one topic of `memorization.report.variables`, or one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.association.univariate import CHANCE
from memorization.evaluation.bootstrap import estimate as bootstrapped
from memorization.evaluation.metrics.ratio import weighted_mean
from memorization.protocol import TIERS
from memorization.report.figures.calibration import grouped
from memorization.report.names import family_name, listed, model_name, stratum_name
from memorization.report.numbers import (
    MISSING,
    Estimate,
    count,
    decimal,
    estimate,
    large,
    percent,
    percent_estimate,
    share,
    side,
    span,
)
from memorization.report.results import Results
from memorization.siblings.compute import tokens_seen
from memorization.when.models import MODELS

Topic = dict[str, str]
Key = tuple[str, str]

# What the side on which an interval lies allows to say: of a difference, and of what is added.
VERSUS = {
    "above": "exceeds",
    "below": "falls short of",
    "neither": "cannot be told apart from",
    "unknown": "cannot be compared with",
}
ADDS = {
    "above": "so that all else adds to it",
    "below": "so that all else takes away from it",
    "neither": "so that all else is not shown to add to it",
    "unknown": "and whether all else adds to it is not known",
}

MICRO = {
    "name": "micro",
    "abstract": "We train a suite of {n} GPT-NeoX models of up to {largest} parameters on {tokens} "
    "tokens of real text, so that every exposure of every sequence is known",
    "origin": "GPT-NeoX models trained for this study as the Pythia suite was, on a scale that a "
    "laptop can repeat",
    "order": "each once",
    "text": "The text is what published software packages hold, in {n_domains} domains "
    "({domains}); the repetition that their authors left in it is kept",
    "counted": "all of the training data",
    "limit": "That the same features matter in models a thousand times larger is to be shown, not "
    "assumed",
    "one_run": "one order of the data, one set of initial weights",
    "again": "A processor of another make rounds differently, and training amplifies the last bit, "
    "so that across machines it is the findings that must repeat, not the digits",
    "reference": "{reference}",
}
PYTHIA = {
    "name": "Pythia",
    "abstract": "We study the Pythia suite, GPT-NeoX models of up to {largest} parameters that "
    "were trained on {tokens} tokens of {pile} in an order that is public",
    "origin": "EleutherAI's GPT-NeoX models, here in release {release} and up to the size of the "
    "target",
    "order": "{order}",
    "text": "The text is {pile}{epochs}; which of its parts a sequence is from, tokenization has "
    "erased",
    "counted": "{counted}",
    "limit": "Of every size there is one model; that other training data would give the same is to "
    "be shown, not assumed",
    "one_run": "of the sample, the folds and the resamples. Of the target there is one training "
    "run, its own",
    "again": "A processor of another make rounds differently, so that on another machine it is the "
    "findings that must repeat, not the last digits",
    "reference": "{reference}",
}
# Of Pythia: what a variant was trained on, and where n-grams and duplicates are counted.
VARIANTS = {
    "duped": {"pile": "the Pile", "epochs": "", "order": "each once"},
    "deduped": {
        "pile": "the deduplicated Pile",
        "epochs": ", which training goes through about one and a half times",
        "order": "from one order of rows",
    },
}
COUNTED = {
    "sample": "a published uniform sample of the training sequences",
    "preshuffled": "a uniform sample of the training rows",
    "raw": "the beginning of the Pile, tokenized anew",
}


def suite(results: Results) -> Topic:
    """Return the sentences in which suites differ."""
    found, reference = results.suite, results.params.pythia.reference
    smaller = found.smaller(results.params.target)
    facts = {
        "n": count(len(found.models)),
        "largest": large(found.parameters[found.models[-1]]),
        "tokens": large(tokens_seen(found, found.steps[-1])),
    }
    if found.name == "micro":
        domains = sorted(set(results.sample["domain"].dropna()))
        facts |= {"n_domains": count(len(domains)), "domains": listed(domains)}
        facts["reference"] = smaller[0] if smaller else "none"
        return {key: text.format(**facts) for key, text in MICRO.items()}
    corpus = found.manifest.get("corpus", {})
    counted = COUNTED.get(corpus.get("source", ""), "a sample of the training text")
    counted += f", {large(corpus['tokens'])} tokens" if "tokens" in corpus else ""
    facts |= {"release": found.manifest["release"], "counted": counted}
    facts |= VARIANTS[found.manifest["variant"]]
    facts["reference"] = reference if reference in smaller else "none"
    return {key: text.format(**facts) for key, text in PYTHIA.items()}


def labels(results: Results) -> Topic:
    """Return where the states and times come from, and whether what is memorized stays so."""
    found = results.metrics["labels"]
    early, n = found["of_the_memorized"]["before_being_seen"], count(len(results.steps))
    copies = "Copies can make a sequence memorized before the step that trains on it"
    abstract = {
        "scan": f"and test every sequence of a sample at each of {n} checkpoints",
        "published": f"and take the state of every sequence of a sample from {n} published "
        "evaluations",
        "none": "and take from published evaluations which of them are memorized at the end",
    }
    return {
        "abstract": abstract[found["times"]["source"]],
        "end": _end(results),
        "evaluated": _evaluated(results),
        "absorbing": _absorbing(results),
        "early_copies": f"{copies}; how often they do, these evaluations do not show"
        if early is None
        else f"{copies}; so were {percent(early)} of those memorized at the end",
    }


def _end(results: Results) -> str:
    whole = "over the whole of the training data"
    if results.suite.name == "micro":
        return f"Every label is made here, by this pass; at the last checkpoint {whole}"
    published = f"The labels at the end of training are the published ones, {whole}"
    agreement = results.metrics["labels"].get("agreement")
    if not agreement or agreement["share"] is None:
        return published
    return (
        f"{published}; this pass, made for the times, agrees with them on "
        f"{percent(agreement['share'])} of the {count(agreement['n'])} sequences of the sample"
    )


def _evaluated(results: Results) -> str:
    """Return at which checkpoints states are known, and what is not known of the times."""
    times, steps = results.metrics["labels"]["times"], results.steps.tolist()
    if times["source"] == "none":
        return f"The target is known at the end of training only: {times['reason']}"
    if times["source"] == "scan":
        n, every = count(len(steps)), count(len(results.suite.steps))
        if n != every:
            first = count(steps[0])
            return f"The target is run at {n} of its {every} checkpoints, from step {first} on"
        gaps = {after - before for before, after in itertools.pairwise([0, *steps])}
        even = f", one every {count(gaps.pop())} steps" if len(gaps) == 1 else ""
        return f"The target is run at all of its {every} checkpoints{even}"
    late = int(results.targets.left_censored.sum())
    return (
        f"The state of the target is known at {count(len(steps))} published evaluations, at the "
        f"steps {listed([count(step) for step in steps])}. An evaluation covers what had been "
        "trained on by then, so a sequence comes under observation with the first evaluation after "
        f"its own step. For {count(late)} sequences of the sample that were memorized at their "
        "first evaluation, and this was not the first of all, the event is left-censored: it was "
        "then or before. Such an event contributes the probability of that "
        "[@turnbull1976empirical]; models that cannot take it are fitted by stochastic expectation "
        "and maximization [@celeux1985sem], its time drawn from the model's own distribution up to "
        "the bound. This supposes that, given its features, when a sequence comes under "
        "observation says nothing of when it is memorized"
    )


def _absorbing(results: Results) -> str:
    if len(results.steps) < 2:
        return "Whether anything memorized is lost again, one evaluation does not show"
    ever = results.trajectories.memorized.any(axis=1)
    lost = ~results.memorized[ever]
    if not lost.any():
        return "No sequence of the sample that was memorized at a checkpoint was lost by the last"
    found = bootstrapped(
        lambda truth, _, weight: weighted_mean(truth, weight),
        lost,
        None,
        results.weight[ever],
        results.drawn[:, ever],
        results.params.bootstrap.level,
    )
    return (
        f"Memorization is not absorbing: {percent_estimate(found)} of the sequences that were "
        "memorized at some checkpoint are not memorized at the last. The sample takes its cases by "
        f"their state at the end, so this share rests on {count(int(lost.sum()))} forgotten rows"
    )


def strata(results: Results) -> Topic:
    """Return what repetition of the whole, and of the continuation, says of memorization."""
    whole, part = (results.strata(f"{name}_count") for name in ("sequence", "continuation"))
    # A sequence that the sample does not hold counts as one all the same.
    where = "the training data" if results.suite.name == "micro" else "what was counted"
    unknown = "How often sequences occur was not counted"
    said = {
        "repetition": f"{unknown}, so nothing is said here of repetition",
        "continuation": "How often continuations occur was not counted either",
        "beyond": f"{unknown}, so how much is known beyond repetition is not told",
        "limit": f"{unknown}. A score over the whole population rewards knowing what is repeated",
    }
    if "1" in whole:
        said |= _repetition(whole, where)
    if part:
        said["continuation"] = _continuation(results, whole, part, where)
        said["beyond"] = _beyond(results, part)
    return said


def _repetition(whole: dict[str, Any], where: str) -> Topic:
    (last, most), once = list(whole.items())[-1], whole["1"]
    memorized = {n: of["population"] * of["prevalence"]["value"] for n, of in whole.items()}
    return {
        "repetition": f"Of the training sequences, {percent(_share(whole, '1'))} occur once in "
        f"{where} with all of their tokens; {percent_estimate(once['prevalence'])} of these are "
        f"memorized. Of the sequences that occur {stratum_name(last, 'at least ')} times, "
        f"{percent_estimate(most['prevalence'])} are ({count(most['cases'])} of the "
        f"{count(most['n'])} in the sample)",
        "limit": "Sequences that occur once are "
        f"{percent(share(memorized['1'], sum(memorized.values())))} of what is memorized. A score "
        "over the whole population rewards counting; the strata say what is known beyond",
    }


def _share(strata: dict[str, Any], *names: str) -> float:
    total = sum(stratum["population"] for stratum in strata.values())
    return sum(strata[name]["population"] / total for name in names)


def _continuation(results: Results, whole: dict[str, Any], part: dict[str, Any], where: str) -> str:
    """Return what the continuation's count says that the sequence's does not."""
    said = []
    of_cases = whole.get("1", {}).get("counts_of_cases", {}).get("continuation_count")
    if of_cases:
        said.append(
            f"The {count(whole['1']['cases'])} memorized sequences of the sample that occur once "
            f"have continuations that occur {span([of_cases['least'], of_cases['most']], 0)} times"
        )
    # The strata of the smallest counts in which no row of the sample is memorized.
    never = list(itertools.takewhile(lambda name: not part[name]["cases"], part))
    if never:
        most = never[-1].rpartition("-")[2]
        said.append(
            f"Of the {count(sum(part[name]['n'] for name in never))} sequences of the sample whose "
            f"continuation occurs {'once' if most == '1' else f'at most {most} times'} in {where}, "
            f"none is memorized; they stand for {percent(_share(part, *never))} of the training "
            "sequences"
        )
    else:
        first = next(iter(part.values()))
        said.append(
            f"Of the sequences whose continuation occurs once in {where}, "
            f"{percent_estimate(first['prevalence'])} are memorized"
        )
    counted = results.baseline("whether", "continuation_count")
    return ". ".join(said) + (
        ". How often the continuation occurs, known alone, has an AUROC of "
        f"{results.score('whether', counted, 'auroc')} and an average precision of "
        f"{results.score('whether', counted, 'average_precision')}"
    )


def _beyond(results: Results, part: dict[str, Any]) -> str:
    """Return in which strata of the continuation's count the best classifier exceeds the count."""
    tier, best = results.best_of_all("whether")
    wins: list[str] = []
    others: list[str] = []
    for name, stratum in part.items():
        gain = stratum.get(tier, {}).get(best, {}).get("average_precision_gain")
        if gain is not None:
            (wins if side(gain) == "above" else others).append(
                f"{stratum_name(name, 'at least ')} times ({estimate(gain, 2)}; "
                f"{count(stratum['cases'])} memorized of {count(stratum['n'])})"
            )
    if not wins and not others:
        return "In no stratum of the count are there memorized sequences and others to tell apart"
    exceeds = (
        f"exceeds the count where the continuation occurs {listed(wins)}"
        if wins
        else f"is nowhere shown to exceed the count: where the continuation occurs {listed(others)}"
    )
    rest = f", and is not shown to where that occurs {listed(others)}" if wins and others else ""
    return (
        "What is known beyond the count shows among sequences whose continuations occur about "
        f"equally often. In average precision the classifier {exceeds}{rest}"
    )


def apart(exposed: int) -> str:
    """Return how well training and test folds are kept apart, as a clause."""
    if not exposed:
        return "no text is in training and test folds at once"
    return (
        f"clusters of shared text are kept in one fold, but for the {count(exposed)} rows that "
        "share text with another fold since a cluster too large for one was cut"
    )


def _by_tier(results: Results, question: str, metric: str, gains: str) -> str:
    """Return what the best model of the highest tier gains by each step, in a sentence."""
    steps = results.gain_by_tier(question, results.best_of_all(question)[1], metric)
    if not steps:
        return "There is one tier alone, so none to compare it with"
    gained = [f"{estimate(gain, 2)} with the tier *{tier}*" for tier, gain in steps.items()]
    silent = [tier for tier, gain in steps.items() if side(gain) != "above"]
    help_ = f"that {listed(silent)} {'helps' if len(silent) == 1 else 'help'} is not shown"
    shown = help_ if silent else "every step is shown to help"
    return f"From one tier to the next{gains} {listed(gained)}; {shown}"


def off_groups(results: Results, predicted: np.ndarray, truth: np.ndarray) -> str:
    """Return the groups whose interval does not hold what was predicted; '' where all do."""
    groups = grouped(results, predicted, truth)
    found = zip(groups.predicted, groups.observed, groups.low, groups.high, strict=True)
    off = [
        f"that predicted at {percent(float(predicted))} is observed at "
        + percent_estimate({"value": float(seen), "low": float(low), "high": float(high)})
        for predicted, seen, low, high in found
        # All resamples agree where nothing was observed, or nothing else: that says little.
        if low < high and not low <= predicted <= high
    ]
    return listed(off, "")


def whether(results: Results, best: Key, counted: Key | None) -> Topic:
    """Return how the best model compares with one count and over the tiers, and if it is right."""
    metric = "average_precision"
    gained = results.gain_over("whether", best, "continuation_count", metric)
    own = results.score("whether", best, metric)
    name = f"the best classifier at the highest tier of knowledge ({best[0]})"
    return {
        "headline": f"In predicting which, {name} reaches an average precision of {own}"
        if counted is None
        else "In predicting which, one count, how often the continuation occurs in the training "
        f"data, reaches an average precision of {results.score('whether', counted, metric)}; "
        f"{name} reaches {own}, a difference of {estimate(gained, 2)}, {ADDS[side(gained)]}",
        "over_tiers": _by_tier(results, "whether", metric, f", {model_name(best[1])} gain"),
        "unexposed": _unexposed(results, best, counted),
        "calibration": _calibration(results, best[0]),
    }


def _unexposed(results: Results, best: Key, counted: Key | None) -> str:
    """Return the scores without the rows that share text with another fold, in a sentence."""
    scores, left = results.metrics["whether"], results.metrics["whether"].get("unexposed")
    if left is None:
        return "No row shares a run of tokens with another fold"
    rows, cases = scores["n"] - left["n"], scores["cases"] - left["cases"]
    said = (
        f"In the sample {count(rows)} rows, {'all' if cases == rows else count(cases)} of them "
        "memorized, still share a run of tokens with another fold"
    )
    if best[0] not in left:
        return f"{said}, and without them there is nothing to tell apart"
    precision = {
        key: estimate(left[key[0]][key[1]]["average_precision"], 2)
        for key in (best, counted)
        if key is not None
    }
    said += f"; without them the best classifier has an average precision of {precision[best]}"
    if counted is None:
        return said
    return f"{said} and the continuation count one of {precision[counted]}"


def _calibration(results: Results, tier: str) -> str:
    """Return how well the probabilities of every model of a tier are calibrated, in sentences."""
    said = []
    for model in results.fitted("whether", tier):
        scores = results.metrics["whether"][tier][model]
        ratio, slope = scores["observed_to_expected"], scores["calibration_slope"]
        said.append(
            f"With {model_name(model)}, {estimate(ratio, 2)} sequences are memorized per predicted "
            f"one, and the slope is {estimate(slope, 2)}: {calibrated(ratio, slope)}"
        )
        off = off_groups(results, results.probability(tier, model), results.memorized)
        said += [f"Of its groups, {off}"] if off else []
    return ". ".join(said)


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


def association(results: Results, families: Mapping[str, Any]) -> Topic:
    """Return what goes against expectation, and what adds to duplication.

    Parameters
    ----------
    families : their scores, in the order of the features.
    """
    found = results.metrics["association"]
    tiers = {tier: found["tiers"][tier] for tier in TIERS if tier in found["tiers"]}
    whole = [f"{estimate(of['average_precision'], 2)} at the tier {t}" for t, of in tiers.items()]
    return {
        "kinds": _kinds(found["kinds"], found["cases"]),
        "contradicted": _contradicted(results),
        "reversed": _reversed(results),
        "duplication": estimate(families["duplication"]["average_precision"], 2)
        if "duplication" in families
        else "not known, as copies were not counted",
        "whole": listed(whole),
        "whole_versus_duplication": _whole_versus_duplication(tiers),
        "beyond_duplication": _beyond_duplication(families),
    }


def _kinds(found: Mapping[str, Any], cases: int) -> str:
    """Return which kind most of the memorized are of, in counts of the sample."""
    if not found:
        return "The kinds are not known, as copies or templates were not counted"
    name, own = max(found.items(), key=lambda item: item[1]["cases"])
    return (
        f"Of the {count(cases)} memorized sequences sampled, "
        f"{'all' if own['cases'] == cases else count(own['cases'])} are {name}, as are "
        f"{count(own['n'] - own['cases'])} that are not memorized"
    )


def _contradicted(results: Results) -> str:
    """Return which families go against expectation more often than with it, and by how much."""
    told = []
    for family, own in results.association.groupby("family", sort=False)["agreement"]:
        against, as_expected = int((own == "contradicts").sum()), int((own == "agrees").sum())
        if against > as_expected:
            told.append((against, f"{family_name(str(family))} ({against} against, {as_expected})"))
    if not told:
        return "In no family more features go against expectation than with it"
    # Those with the most first; of like ones, in the order of the features.
    names = [text for _, text in sorted(told, key=lambda pair: -pair[0])]
    names[0] = names[0].replace(")", " with it)")
    return f"More features go against expectation than with it in {listed(names)}"


def _reversed(results: Results) -> str:
    """Return which feature goes furthest against expectation, with its AUROC."""
    own = results.association[results.association["agreement"] == "contradicts"]
    if own.empty:
        return "No single feature goes against expectation"
    worst = own.iloc[int((own["auroc"] - CHANCE).abs().to_numpy().argmax())]
    return (
        f"The feature furthest against expectation is {family_name(worst['feature'])}, with an "
        f"AUROC of {decimal(worst['auroc'], 2)}"
    )


def _added(scores: Mapping[str, Any]) -> dict[str, Estimate]:
    key = "average_precision_added_to_duplication"
    return {name: score[key] for name, score in scores.items() if key in score}


def _whole_versus_duplication(tiers: Mapping[str, Any]) -> str:
    """Return at which tiers all features together do better, or worse, than duplication alone."""
    sides = {tier: side(gain) for tier, gain in _added(tiers).items()}
    if not sides:
        return "nothing is added to it"

    def at(which: str) -> str:
        names = [tier for tier, found in sides.items() if found == which]
        return f"the tier{'s' if len(names) > 1 else ''} {listed(names)}" if names else "no tier"

    return f"all of a tier exceed it at {at('above')}, and fall short of it at {at('below')}"


def _beyond_duplication(families: Mapping[str, Any]) -> str:
    """Return which families add to duplication, and with which it does worse than alone."""
    found = {family_name(k): g for k, g in _added(families).items() if side(g) != "unknown"}
    if not found:
        return "No family could be compared with duplication"
    adds, takes = ([n for n, g in found.items() if side(g) == s] for s in ("above", "below"))
    said = f"To duplication {'adds' if len(adds) == 1 else 'add'} {listed(adds)}"
    if not adds:
        most = max(gain["high"] or 0 for gain in found.values())
        said = (
            "No family could be shown to add to duplication "
            f"(at most {decimal(most)}, at the end of an interval)"
        )
    return f"{said}; with {listed(takes)} it does worse than alone" if takes else said


def siblings(results: Results, pairs: Mapping[str, Any]) -> Topic:
    """Return what the next smaller model and the smallest tell of the target.

    Parameters
    ----------
    pairs : of each smaller model, from small to large, its exact scores.
    """
    compute = results.metrics["siblings"]["compute"]

    def took(model: str) -> str:
        return f"took {percent(compute[model] / compute[results.params.target])} of the compute"

    def reaches(model: str) -> tuple[str, str]:
        return decimal(pairs[model]["precision"], 2), decimal(pairs[model]["recall"], 2)

    silent = [model for model in pairs if pairs[model]["precision"] is None]
    verb = "memorizes" if len(silent) == 1 else "memorize"
    said = "The target is the smallest model of the suite, so there is none to tell"
    if pairs:
        *_, nearest = pairs
        precision, recall = reaches(nearest)
        said = (
            f"Taking for memorized what {nearest} has memorized, the next smaller model, whose "
            f"training {took(nearest)}, has a precision of {precision} and a recall of {recall}"
        )
    if len(pairs) > 1:
        smallest = next(iter(pairs))
        precision, recall = reaches(smallest)
        said += f". The smallest, {smallest}, {took(smallest)}" + (
            " and memorizes nothing, so that its recall is zero and its precision undefined"
            if smallest in silent
            else f"; its precision is {precision} and its recall {recall}"
        )
    end = f"; {listed(silent)} {verb} nothing, so precision is undefined there"
    return {"answer": said, "undefined": end if silent else ""}


def when(results: Results) -> Topic:
    """Return the answer to the when question in sentences, or why there is none."""
    found = results.metrics["when"]
    events = {"first": "first memorized", "stable": "memorized for good"}
    counted = {
        "duplication.continuation_count": "how often the continuation occurs",
        "duplication.sequence_count": "how often the sequence occurs",
        None: "how often the sequence occurs, which was not counted",
    }
    common = {
        "models": listed([model_name(name) for name in results.params.when.models]),
        "event": events[results.params.when.event],
        "thinned": _thinned(results),
        "counted": counted[found.get("strata")],
    }
    if found["done"]:
        return common | _answer(results, common["event"], common["counted"])
    return common | {
        "n_events": MISSING,
        "calibration": "it is not answered",
        "abstract": "When a sequence is memorized is not answered for this target, for want of "
        "evaluations during training or of events in them",
        "happened": f"This question is not answered for this target: {found['reason']}. A scan of "
        f"the checkpoints would take {describe_cost(found['cost'])}",
        "answer": "There are no scores to report",
    }


def _answer(results: Results, event: str, counted: str) -> Topic:
    found, last = results.metrics["when"], results.suite.steps[-1]
    metric, error = "concordance_memorized", "absolute_error_steps"
    tier, best = key = results.best_of_all("when")
    strata = results.baseline("when", "kaplan_meier_strata")
    nothing = results.baseline("when", "kaplan_meier")
    gained = results.gain_over("when", key, "kaplan_meier_strata", metric)
    versus, chance = VERSUS[side(gained)], VERSUS[side(found[tier][best][metric], CHANCE)]
    own, of_count = (results.score("when", one, metric) for one in (key, strata))
    off_by = percent(share(found[tier][best][error]["value"], last))
    times, from_text = results.metrics["labels"]["of_the_memorized"], _from_text(results)
    first, stable = (times[f"{name}_step_quantiles"]["50%"] for name in ("first", "stable"))
    early, median, late = (count(found["event_step_quantiles"][q]) for q in ("10%", "50%", "90%"))
    return {
        "n_events": count(found["n_events"]),
        "calibration": _when_calibration(results),
        "abstract": f"The order in which sequences are memorized is told with a concordance of "
        f"{own}, which {versus} the {of_count} of knowing only {counted}; {from_text}",
        "happened": f"In the population, {percent(found['population_fraction'])} of the sequences "
        f"have the event *{event}* within training, a tenth of them by step {early}, half by "
        f"{median}, nine tenths by {late}. Of the sequences memorized at the end, half had been "
        f"memorized for the first time by step {count(first)} ({percent(share(first, last))} of "
        f"training) and for good by {count(stable)} ({percent(share(stable, last))}); the median "
        f"one changed state {count(times['median_switches'])} times between evaluations",
        "answer": f"At the highest tier ({tier}) the model of the highest concordance among the "
        f"memorized is {model_name(best)}, with {own}, which {chance} one half, that is, chance. "
        f"Knowing only {counted} gives {of_count}, which it {versus} (difference "
        f"{estimate(gained, 2)}). Over all sequences the two have "
        f"{results.score('when', key, 'concordance')} and "
        f"{results.score('when', strata, 'concordance')}, and a skill of "
        f"{results.score('when', key, 'brier_skill')} and "
        f"{results.score('when', strata, 'brier_skill')}. Given that a sequence is memorized, the "
        f"median time is off by {results.score('when', key, error, 0)} steps on average ({off_by} "
        f"of training); knowing nothing, by {results.score('when', nothing, error, 0)}. "
        f"{from_text[:1].upper()}{from_text[1:]}. "
        + _by_tier(results, "when", metric, " its concordance among the memorized gains"),
    }


def _from_text(results: Results) -> str:
    """Return which models rank the memorized by time from the text alone, as a clause."""
    tier = TIERS[0]
    fitted = results.fitted("when", tier) if tier in results.tiers("when") else []
    if not fitted:
        return "from the text alone nothing was fitted"
    found = {m: results.metrics["when"][tier][m]["concordance_memorized"] for m in fitted}
    told = [model_name(model) for model in fitted if side(found[model], CHANCE) == "above"]
    values = span([of["value"] for of in found.values() if of["value"] is not None] or [CHANCE])
    if not told:
        return f"from the text alone no model is shown to tell it better than chance ({values})"
    return (
        f"from the text alone {listed(told)} tell it better than chance ({values} over all models)"
    )


def _when_calibration(results: Results) -> str:
    """Return how well the best model's fractions by the end are calibrated, in a sentence."""
    tier, best = results.best_of_all("when")
    ratio = results.metrics["when"][tier][best].get("observed_to_expected_at_100")
    said = (
        f"with {model_name(best)}, {estimate(ratio, 2)} sequences have the event per expected one"
    )
    off = off_groups(results, results.risk_by_end(tier, best), results.targets.event)
    return f"{said}; of its groups, {off}" if off else said


def _thinned(results: Results) -> str:
    """Return to how many rows models were fitted, where these are fewer than there are."""
    n = len(results.sample)
    largest = {name: MODELS[name].largest for name in results.params.when.models}
    limits = [f"{model_name(m)} to {count(most)}" for m, most in largest.items() if n > (most or n)]
    if not limits:
        return ""
    return (
        f" To at most so many rows are fitted: {listed(limits)}; those with the event first, up to "
        "half of them, the others drawn at random, each kind keeping its weight."
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
