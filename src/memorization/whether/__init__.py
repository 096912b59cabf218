"""Whether a sequence ends up memorized: classifiers, baselines, and how well they do.

``analyse`` is the whole answer, ``models`` what is fitted, ``scores`` and ``importance`` what is
said of it.
"""
