"""Checkpoints of the hub, verified before they are studied: ``memorization verify-checkpoints``.

A branch named ``step3000`` may hold anything. `listings` asks what each holds, `findings` says from
the listings alone what cannot be right, and `embeddings` from a few KB of each branch's weights, as
`pieces` reads them. `weights` downloads and measures all of them, and `curves` judges that.
"""
