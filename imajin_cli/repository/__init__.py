"""A file of jobs as a build: what each asset is made of, the lock that keeps it, and what is stale."""
