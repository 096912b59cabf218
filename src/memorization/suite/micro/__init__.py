"""The micro suite: tokenizer, training data and models made here, from the corpus, on the CPU."""
