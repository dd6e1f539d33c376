"""The verbs of the `tieout` command, one file each."""
