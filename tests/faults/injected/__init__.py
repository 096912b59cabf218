"""The faults of the campaign, a module for each kind, and `trial`, which judges them all alike."""
