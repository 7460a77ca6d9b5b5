"""What this machine can do: checks that look at it, none of which changes anything or asks a network."""
