"""Text models: one that was fitted elsewhere and is applied, and one that these labels give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from memorization.features.own.reading import Batch
from memorization.features.surprisal import predictions
from memorization.risk import SHIPPED
from memorization.risk.command import Options, Scorer, ranked_first
from memorization.risk.model import TextModel, digests
from memorization.study import Study
from memorization.validation.analyse import Way
from memorization.whether.models.ngrams import Bag, NGrams, hashed_counts

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The part of the texts beyond which one is unlike them.
BEYOND = 0.01


@dataclass(frozen=True)
class Applied:
    """A text model that is applied as it is, by the windows of ``memorization score``."""

    scorer: Scorer

    @classmethod
    def read(cls, folder: Path | None) -> Applied | None:
        """Return the model in a folder; None: that of ``memorization score``, if it is there.

        Raises
        ------
        UserError
            If there is no model in a folder that was named, or it cannot be used.
        """
        own = SHIPPED if folder is None else folder
        if folder is None and not own.is_dir():
            print(f"no {own} here: no text model is applied as it is (--apply names one)")
            return None
        return cls(Scorer.of(Options(model=own)))

    @property
    def model(self) -> TextModel:
        """The text model."""
        return self.scorer.model

    def odds(self, texts: list[str]) -> np.ndarray:
        """Return what the model says of n texts, each by the window ranked first, float64 [n]."""
        none = np.zeros(0, np.int64)
        windows = self.scorer.windows(Batch(list(texts), none, none, pa.table({})))
        _, key, scored = self.scorer.table(windows)
        first = ranked_first(windows, key)
        # An empty text has no window; of it the model says what it says of nothing.
        found = np.repeat(self.model.scored([""]).log_odds, len(texts))
        found[windows.text[first]] = scored.log_odds[first]
        return found

    def told(self, texts: list[str], truth: np.ndarray) -> dict[str, Any]:
        """Return whose labels the model was fitted to, and whether these texts are among them.

        Returns
        -------
        dict
            ``about``, ``n``, ``cases``, of its card; ``seen``, how many of the texts begin as one
            that it was fitted to, and ``seen_cases``, of the memorized.
        """
        seen = np.isin(digests(texts), self.model.fitted_to)
        card = {name: self.model.card[name] for name in ("about", "n", "cases")}
        return card | {"seen": int(seen.sum()), "seen_cases": int(seen[truth].sum())}


def log_perplexity(
    model: PreTrainedModel, tokens: np.ndarray, lengths: np.ndarray, batch: int
) -> np.ndarray:
    """Return the mean surprisal of each text under a model, nats a token, float64 [n].

    Of all tokens but the first, which nothing predicts; NaN of a text of fewer than two.

    Parameters
    ----------
    tokens : int [n, 64], the model's own.
    lengths : int [n], how many of them a text has.
    batch : texts a forward pass.

    Raises
    ------
    UserError
        If a prediction is not finite, as those of a damaged model are.
    """
    found = np.full(len(tokens), np.nan)
    for length in np.unique(lengths[lengths > 1]):
        own = lengths == length
        surprisal = predictions(model, tokens[own, :length], batch).surprisal
        found[own] = surprisal.mean(axis=1, dtype=np.float64)
    return found


def portable(way: Way, about: str, untested: str, seed: int) -> TextModel:
    """Return the bag of n-grams fitted to all labelled texts, calibrated on what it had not seen.

    Its card has ``about`` and ``untested``, in words; ``n``, ``cases``, ``prevalence`` in the
    table; ``auroc`` out of fold; ``calibration``, the intercept and slope from its log-odds to
    those of the table, out of fold; and of the ``texts`` their ``characters``, the median and the
    number below which a text is unlike them (``low``), and the share of runs that were unknown to
    models of other folds, beyond which it is (``unknown``).

    Parameters
    ----------
    way : plain texts.
    """
    study = way.study
    odds = way.odds["fold"]["ngrams"]
    calibrated = LogisticRegression(C=np.inf).fit(odds[:, None], study.truth)
    lengths = np.array([len(text) for text in way.texts])
    card = {
        "about": about,
        "untested": untested,
        "n": len(study),
        "cases": int(study.truth.sum()),
        "prevalence": float(study.truth.mean()),
        "auroc": way.found["scores"]["ngrams"]["auroc"],
        "calibration": {
            "intercept": float(calibrated.intercept_[0]),
            "slope": float(calibrated.coef_[0, 0]),
        },
        "texts": {
            "characters": {
                "low": float(np.quantile(lengths, BEYOND)),
                "median": float(np.median(lengths)),
            },
            "unknown": float(np.quantile(_unknown(study), 1 - BEYOND)),
        },
    }
    everything = np.arange(len(study))
    fitted = NGrams.fit(study, everything, np.random.default_rng(seed))
    assert isinstance(fitted, NGrams)
    assert study.text is not None
    return TextModel.of(fitted, study.text, card)


def _unknown(study: Study) -> np.ndarray:
    """Return the share of each text's runs that the bag of the other folds lacks, float [n]."""
    assert study.text is not None
    counts = hashed_counts(study.text)
    unknown = np.empty(len(study))
    for fold in np.unique(study.fold):
        own = study.fold == fold
        known = np.diff(Bag.of(counts[~own]).weigh(counts[own]).indptr)
        unknown[own] = 1 - known / np.maximum(np.diff(counts[own].indptr), 1)
    return unknown
