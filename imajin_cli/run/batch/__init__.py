"""Many jobs: a file of them is read, each is run as `imajin run` would, by processes of this machine or by Ray."""
