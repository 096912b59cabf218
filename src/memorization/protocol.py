"""The constants of the protocol: fixed by the definition of memorization, so not parameters.

A sequence is memorized when the model, given its first ``PROMPT`` tokens, greedily produces the
next ``CONTINUATION`` exactly (Carlini et al. 2023, "Quantifying memorization"; k = l = 32 as in
Biderman et al. 2023, "Emergent and predictable memorization").
"""

PROMPT = 32
CONTINUATION = 32
SEQUENCE = PROMPT + CONTINUATION

# Ends a document; the first token of every tokenizer of the suites.
END_OF_TEXT = 0

# What one must have to compute a feature, from the least to the most; results are cumulative.
TIERS = ("text", "corpus", "reference", "sibling")

# EleutherAI's models, from small to large, by the names that the published labels give them.
PYTHIA = ("70m", "160m", "410m", "1b", "1.4b", "2.8b", "6.9b", "12b")
