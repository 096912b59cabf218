"""When each sequence is extractable: one teacher-forced pass a checkpoint, then event times."""
