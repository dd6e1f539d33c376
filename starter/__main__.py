"""`python -m starter`: the `tieout` command without an installed script."""

from starter.cli import main

main()
