"""The text policy: what a prompt or a caption may not ask for, in word lists and in sentence embeddings."""
