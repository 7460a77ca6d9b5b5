"""What a request in plain words is taken for, by meaning: small heads over the embedder."""
