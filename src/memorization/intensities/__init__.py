"""Memory comes and goes: the chances of onset and of loss from one checkpoint to the next.

A sequence has never been memorized yet, is memorized, or was and is not. Three discrete-time
intensities move it: its *first* onset, its onset *again*, and its *loss* (a multi-state model:
Andersen & Keiding 2002, "Multi-state models for event history analysis"). Each is a binary
regression on the person-period table, a row for each checkpoint at which a sequence could make the
transition (Singer & Willett 1993), on what it had been shown by then, the part of training that is
over, how long it has been in its state (so it is not Markov: most states are short, and some are
not) and what is known of its text. Probabilities of what comes follow by recursion over the
checkpoints, without simulation.
"""
