"""What ``output`` says of the files that it publishes: their sizes, names, alternative text, HTML and manifest entry."""
