"""``python -m imajin_cli``."""

from imajin_cli.app import main

main()
