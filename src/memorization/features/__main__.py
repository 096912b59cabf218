"""Write the features of a table: ``python -m memorization.features INPUT OUTPUT``."""

from memorization.features.command.line import main
from memorization.stages import run

if __name__ == "__main__":
    run(main)
