"""What the paper shows: figures, tables and the numbers in the text, from the results folder.

A figure is one module of ``figures``, named after its file in ``paper/``; a module of ``tables``
writes the tables of one question; ``variables`` holds every number that the text of
``paper/index.qmd`` speaks of.
"""
