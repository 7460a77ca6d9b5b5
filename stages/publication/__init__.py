"""What ``output`` says of the files that it publishes: sizes, names, alternative text, HTML, manifest entry."""
