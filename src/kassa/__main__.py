"""`python -m kassa` is the `kassa` command."""

from kassa.cli import main

main()
