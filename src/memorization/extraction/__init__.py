"""What one model can be made to say: one teacher-forced pass decides what greedy decoding would."""
