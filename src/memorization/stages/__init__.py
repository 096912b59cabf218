"""The stages of the pipeline, one thin script each: read params and tables, call, write.

``python -m memorization.stages.NAME`` runs one; ``dvc repro`` runs those whose inputs changed.
"""

from memorization.errors import tell_interrupts

tell_interrupts()
