from made_up_study import one_thread  # noqa: F401
