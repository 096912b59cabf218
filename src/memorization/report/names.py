"""How keys of the results are called in the paper; a key without a name here is put in words."""

from __future__ import annotations

from memorization.protocol import TIERS

MODELS = {
    "logistic": "logistic regression",
    "boosting": "boosted trees",
    "single_feature": "best single feature",
    "ngrams": "bag of n-grams",
    "stacked": "trees with n-grams",
    "smaller_sibling": "next smaller model",
    "kaplan_meier": "Kaplan–Meier",
    "kaplan_meier_strata": "Kaplan–Meier by count",
    "exposure_clock": "exposure clock",
    "accumulation": "accumulation rule",
    "aft": "accelerated failure time",
    "cox": "Cox regression",
    "forest": "survival forest",
}

METRICS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "concordance": "concordance",
    "concordance_memorized": "concordance among the memorized",
    "integrated_brier": "integrated Brier score",
    "brier_skill": "integrated Brier skill",
    "absolute_error_steps": "absolute error (steps)",
    "state_skill": "Brier skill of the state",
}


def model_name(key: str) -> str:
    """Return the name of a model.

    >>> model_name("boosting"), model_name("deep_hazard")
    ('boosted trees', 'deep hazard')
    """
    return MODELS.get(key, key.replace("_", " "))


def family_name(key: str) -> str:
    """Return the name of a family, or of a feature with its family, in words.

    The column of the table of features is the same with underscores for the spaces, and a point
    after the family. In words, because a line may break in them.

    >>> family_name("ngram_frequency"), family_name("duplication.prompt_count")
    ('ngram frequency', 'duplication: prompt count')
    """
    return key.replace("_", " ").replace(".", ": ", 1)


def feature_name(key: str) -> str:
    """Return the name of a feature without its family, where that is told beside it.

    >>> feature_name("duplication.prompt_count"), feature_name("prompt_count")
    ('prompt count', 'prompt count')
    """
    return key.rpartition(".")[2].replace("_", " ")


def tier_name(tier: str) -> str:
    """Return the heading of a tier, which says that tiers are cumulative.

    >>> tier_name("text"), tier_name("corpus")
    ('text', '+ corpus')
    """
    return tier if tier == TIERS[0] else f"+ {tier}"


def stratum_name(stratum: str, at_least: str = "≥") -> str:
    """Return the name of a stratum of a count.

    >>> stratum_name("2-4"), stratum_name("100+"), stratum_name("100+", "at least ")
    ('2–4', '≥100', 'at least 100')
    """
    return at_least + stratum[:-1] if stratum.endswith("+") else stratum.replace("-", "–")


def listed(items: list[str], nothing: str = "none") -> str:
    """Return a list in words.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed([])
    ('a', 'a and b', 'a, b and c', 'none')
    """
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]])) or nothing
