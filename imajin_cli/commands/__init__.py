"""Commands that are no stage, one file each."""
