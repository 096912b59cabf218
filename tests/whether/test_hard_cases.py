import numpy as np
from made_up_study import make_study

from memorization.strata import DUPLICATES
from memorization.whether.analyse import CASES, hard_cases


def test_the_rarest_memorized_and_the_most_frequent_that_are_not():
    rng = np.random.default_rng(0)
    count, truth = rng.integers(1, 200, 300), rng.random(300) < 0.4
    cluster = rng.integers(0, 60, 300)
    study = make_study({DUPLICATES: count}, truth, cluster=cluster)
    probability = rng.random(300)
    found = hard_cases(study, DUPLICATES, probability)
    for name, kind, sign in (
        ("memorized_though_rare", truth, 1),
        ("not_memorized_though_frequent", ~truth, -1),
    ):
        own = found[name]
        rows = [int(np.flatnonzero(study.index == case["index"])[0]) for case in own]
        assert [case["count"] for case in own] == count[rows].tolist()
        assert [case["probability"] for case in own] == probability[rows].tolist()
        assert kind[rows].all()
        assert len(set(cluster[rows])) == len(rows) == CASES
        # Each is the extreme one of its cluster, and no other cluster has one further out.
        ends = {c: min(sign * count[kind & (cluster == c)]) for c in set(cluster[kind])}
        assert [sign * case["count"] for case in own] == sorted(ends.values())[:CASES]
