"""Predict whether, and when, a language model memorizes a training sequence."""
