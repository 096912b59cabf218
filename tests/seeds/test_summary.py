"""What several seeds say together, against numbers worked out by hand and by SciPy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_arm import histories, natural_texts, outcomes_table
from scipy import stats

from memorization.errors import UserError
from memorization.files import read_json
from memorization.intensities.forward import Forecast
from memorization.params import load_params
from memorization.report.tables.seeds import NAMES
from memorization.seeds import summary
from memorization.seeds.runs import Run, value_at
from memorization.seeds.summary import DIFFERENCES, HEADLINE, spread

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
N = 4000


def made_up(seed):
    """Return a run whose windows are memorized with a probability of one half."""
    rng = np.random.default_rng(seed)
    around = 0.8 + 0.01 * seed
    estimate = {"value": around, "low": around - 0.1, "high": around + 0.1}
    metrics = {
        "arm": {"done": True, "pool": {"seeds_with_own_units": 80}, "ed50": estimate},
        "whether": {
            "cases": 100 + seed,
            "prevalence": estimate,
            "corpus": {"boosting": {"average_precision": estimate}},
        },
        "when": {"done": False},
    }
    units = outcomes_table(seed)
    units["block"] += 8 * seed
    own = histories(units)
    forecast = Forecast.of(1 - 0.5 * own.memorized, 0.5 * own.memorized)
    forecasts = {"exposure_clock": forecast}
    return Run(seed, metrics, units, own, forecasts, np.arange(N), rng.random(N) < 0.5)


@pytest.fixture(scope="module")
def found():
    # The windows of the natural texts are their rows, in another order.
    texts = natural_texts(n=N).assign(index=np.arange(N)[::-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "natural_texts", lambda results: texts)
        patch.setattr(summary, "_followed", lambda params: None)
        patch.setattr(summary, "windows", lambda results, index: index)
        runs = [made_up(seed) for seed in range(5)]
        yield runs, texts, summary.summary(runs, PARAMS)


def test_a_number_has_the_t_interval_of_its_seeds(found):
    _, _, numbers = found
    of = numbers["headline"]["boosting_ap"]
    values = [0.8, 0.81, 0.82, 0.83, 0.84]
    assert of["values"] == pytest.approx(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (of["value"], of["low"], of["high"]) == pytest.approx((0.82, low, high))
    assert of["sd_between"] == pytest.approx(np.std(values, ddof=1))
    assert of["se_texts"] == pytest.approx(0.1 / 1.959964)
    assert numbers["headline"]["memorized"]["se_texts"] is None
    assert numbers["headline"]["memorized"]["value"] == 102


def test_what_a_run_does_not_have_is_left_out(found):
    _, _, numbers = found
    assert set(numbers["headline"]) == {"memorized", "memorized_share", "boosting_ap", "ed50"}
    assert numbers["differences"] == {}


def test_a_value_that_is_undefined_in_one_seed_has_no_interval():
    found = spread([{"value": None, "low": None, "high": None}, 1.0, 2.0], 0.95)
    assert np.isnan(found["value"])
    assert found["se_texts"] is None


def test_sequences_are_counted_by_seeds_and_band(found):
    runs, texts, numbers = found
    times = np.sum([run.memorized for run in runs], axis=0)[texts["index"]]
    count = texts["count"].to_numpy()
    inside = (count >= 5) & (count < 20)
    expected = [int(((times == k) & inside).sum()) for k in range(6)]
    assert numbers["memorized_in"]["5-19"] == expected
    assert sum(map(sum, numbers["memorized_in"].values())) == N


def test_the_arm_has_the_units_of_all_seeds(found):
    _, _, numbers = found
    assert numbers["arm"]["blocks"] == 40
    assert numbers["arm"]["cells"]["96"]["n"] == 40
    assert numbers["arm"]["cells"]["256"]["n"] == 20
    assert numbers["arm"]["timing"]["onset"]["96"]["n"] == 40
    tested = numbers["arm"]["tested"]["exposure_clock"]["cells"]["96"]["memorized"]
    assert tested["expected"] == pytest.approx(0.5 * tested["observed"])


def test_runs_on_other_windows_or_on_the_same_units_are_refused(found):
    runs, _, _ = found
    other = replace(runs[1], window=np.arange(1, N + 1))
    with pytest.raises(UserError, match="seed 1: has other windows than seed 0"):
        summary.summary([runs[0], other], PARAMS)
    with pytest.raises(UserError, match=r"share units of the arm; .* for 80 seeds"):
        summary.summary([runs[0], replace(runs[0], seed=80)], PARAMS)


def test_every_number_has_a_name():
    assert list(NAMES) == [*HEADLINE, *DIFFERENCES]


def test_every_number_is_where_it_is_sought():
    folder = Path(__file__).parents[2] / "results/metrics"
    metrics = {name: read_json(folder / f"{name}.json") for name in ("whether", "when", "arm")}
    for path in (HEADLINE | DIFFERENCES).values():
        assert value_at(metrics, path) is not None, path
