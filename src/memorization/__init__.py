"""Predict whether, and when, a language model memorizes a training sequence.

More than twelve files: those beside the packages are the foundation, small modules each of one
thing, that every package builds on.
"""
