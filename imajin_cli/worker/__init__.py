"""The worker: warm processes, kept for a while, that do a command's work for it over a Unix socket."""
