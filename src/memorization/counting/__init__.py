"""The engine behind the corpus families: exact counts of n-grams, copies and what follows them."""
