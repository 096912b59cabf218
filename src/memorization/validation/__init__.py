"""Does it hold elsewhere? Texts labelled by anybody, for any model, by the protocol of the study.

The same features are computed of them, texts that share runs of tokens stay in one fold, and the
same models are tuned and fitted anew. A labelled table also tells how its memorized texts were
drawn apart from the others, which is easily taken for memorization.
"""
