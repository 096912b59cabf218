"""When is a sequence memorized: survival models on the grid of checkpoints.

Time is the position of a checkpoint on the grid, 1 … c; position 0 is before the first checkpoint.
An event at position j means: memorized at checkpoint j and, under this definition of the event,
not at an earlier one. A model is fitted to `targets.Targets` and predicts the probability of no
event up to each checkpoint, given what is known of a sequence before training.
"""
