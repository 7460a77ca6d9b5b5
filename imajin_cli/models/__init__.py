"""The model catalogue: which models there are, under which licence, where they come from, and whether they are whole.

`store` gives a backend its file; `pull` gets one; `verify` hashes what is there. Nothing is fetched but by `imajin models pull`.
"""
