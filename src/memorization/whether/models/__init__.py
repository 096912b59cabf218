"""The classifiers, one module each; ``registry`` lists them, ``fitted`` says what one returns."""

from memorization.whether.models.fitted import Fitted, load_fitted, save_fitted
from memorization.whether.models.registry import MODELS

__all__ = ["MODELS", "Fitted", "load_fitted", "save_fitted"]
