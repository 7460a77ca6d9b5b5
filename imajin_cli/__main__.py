"""``python -m imajin_cli``."""

from imajin_cli.start import main

main()
