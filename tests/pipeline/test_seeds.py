"""Other seeds, by the command that a user types, on the miniature."""

import json
import sys


def test_another_seed_is_a_study_of_the_same_sequences(finished):
    study, metrics = finished, finished.folder / "results/metrics"
    before = study.files("results/metrics")
    done = study.run(sys.executable, "-m", "memorization.seeds", "0", "1")
    assert "seed 1: suite" in done.stdout
    found = json.loads((metrics / "seeds.json").read_text())
    assert found["seeds"] == [0, 1]
    of_this = json.loads((metrics / "whether.json").read_text())
    assert found["headline"]["memorized"]["values"][0] == of_this["cases"]
    assert sum(map(sum, found["memorized_in"].values())) == of_this["n"]
    assert found["arm"]["blocks"] == 4
    # The study's own results are as they were, and no checkpoint of the other seed is left.
    after, own = study.files("results/metrics"), "results/metrics/seeds.json"
    assert {name: after[name] for name in before if name != own} == {
        name: content for name, content in before.items() if name != own
    }
    assert not list((study.folder / "results/.seeds").rglob("model.safetensors"))

    again = study.run(sys.executable, "-m", "memorization.seeds", "0", "1")
    assert again.stdout == ""
    assert json.loads((metrics / "seeds.json").read_text()) == found

    shown = study.run("dvc", "repro")
    assert "Running stage 'report'" in shown.stdout
    assert "Running stage 'suite'" not in shown.stdout
    assert "one seed" not in (study.folder / "paper/tables/seeds_levels.md").read_text()
    study.run("git", "checkout", "--quiet", ".")
    study.run("dvc", "checkout", "--quiet")


def test_seeds_are_of_models_that_are_trained_here(finished):
    params = finished.folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("target: micro-base", "target: 1.4b"))
    done = finished.run(sys.executable, "-m", "memorization.seeds", check=False)
    params.write_text(text)
    assert done.returncode == 1
    assert done.stderr.startswith("error: target=1.4b: trained by others")
