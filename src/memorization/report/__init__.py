"""What the paper shows: figures, tables and the numbers in the text, from the results folder.

A figure is one module of ``figures``, a table one of ``tables``, each named after its file in
``paper/``; ``variables`` holds every number that the text of ``paper/index.qmd`` speaks of.
"""
