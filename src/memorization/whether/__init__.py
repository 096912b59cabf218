"""Whether a sequence ends up memorized: classifiers, baselines, and how well they do."""
