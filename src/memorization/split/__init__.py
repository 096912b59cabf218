"""Which sequences are the same text, and which folds keep them together.

Two sequences that share a run of 32 tokens, at whatever offsets, are the same text: a model that
has seen one knows the answer for the other. So no cluster of them straddles folds.
"""
