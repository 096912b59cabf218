"""What repetition does, from the randomised arm: dose and response, schedules, and the gap between
the experiment and what is seen of natural texts.

The design is made where the data are, in :mod:`memorization.suite.micro.arm`. Everything here takes
the outcomes table, `memorization.tables.ARM`, of one seed or of several put together.
"""
