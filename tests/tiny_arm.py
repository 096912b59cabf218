"""A tiny micro suite with the randomised arm, trained for real in seconds."""

import io
import tarfile
from pathlib import Path

import numpy as np
import yaml

from memorization.params import Params

TOTAL, PER_STEP = 240, 4
MINIATURE = Path(__file__).parent / "pipeline" / "params.yaml"


def raw_params(*, enabled, seed=0):
    """Return what a params.yaml of it holds."""
    raw = yaml.safe_load(MINIATURE.read_text("utf-8"))
    raw["suite"] |= {"window": 128, "vocabulary": 300, "checkpoints": 3}
    raw["suite"]["models"] = {"micro-base": {"hidden": 16, "layers": 1, "heads": 2}}
    raw["suite"]["training"] |= {"steps": TOTAL // PER_STEP, "sequences_per_step": PER_STEP}
    raw["sequences"] |= {"census": 3}
    raw["arm"] |= {"enabled": enabled, "blocks": 2, "doses": [0, 2, 4, 8], "contrast_dose": 4}
    return raw | {"seed": seed}


def params(*, enabled, seed=0):
    return Params.model_validate(raw_params(enabled=enabled, seed=seed))


def write_corpus(path):
    """Write eighty texts of random words in two domains; a licence is in every fourth."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    licence = " ".join("".join(rng.choice(letters, 5)) for _ in range(60))
    with tarfile.open(path, "w:xz") as archive:
        for number in range(80):
            words = " ".join("".join(rng.choice(letters, 5)) for _ in range(150))
            text = (words if number % 4 else f"{licence} {words}").encode()
            member = tarfile.TarInfo(f"{'code' if number < 40 else 'prose'}/source/{number:02}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
