"""Made-up sibling metrics in the shape that the stage writes, for tests of the report."""

LISTS = ("accuracy", "f1", "precision", "recall")


def sibling_metrics(target, models, population, positives, steps=(100, 200, 400), evaluated=False):
    """Return metrics of models (from small to large) that memorized nested sets of sequences.

    positives: model -> how many it has memorized; the smaller's are all among the larger's, but for
    one false alarm.
    """
    pairs = {}
    for place, model in enumerate(models):
        for smaller in models[:place]:
            n, m = positives[model], positives[smaller]
            hits = max(m - 1, 0)
            pairs.setdefault(model, {})[smaller] = {
                "true_positive": hits,
                "false_positive": m - hits,
                "false_negative": n - hits,
                "true_negative": population - n - (m - hits),
                "accuracy": 1 - (m + n - 2 * hits) / population,
                "f1": 2 * hits / (m + n),
                "precision": hits / m if m else None,
                "recall": hits / n,
            }
    own = {name: [0.3 + 0.2 * k for k in range(len(steps))] for name in LISTS}
    for name in ("precision", "recall"):
        own[f"{name}_low"] = [value - 0.1 for value in own[name]]
        own[f"{name}_high"] = [value + 0.05 for value in own[name]]
    if steps:
        # Too few said yes at the first checkpoint for an interval.
        own["precision_low"][0] = own["precision_high"][0] = None
    return {
        "target": target,
        "population": population,
        "compute": {model: 10 ** (12 + place) for place, model in enumerate(models)},
        "pairs": pairs,
        "evaluated_pairs": dict(pairs.get(target, {})) if evaluated else None,
        "checkpoints": {
            "step": list(steps),
            "relative_compute": [step / 600 for step in steps],
            "population": own,
            "evaluated": {name: list(values) for name, values in own.items()}
            if evaluated
            else None,
            "evaluated_fraction": 0.4 if evaluated else 1.0,
        },
    }
