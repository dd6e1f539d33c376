"""One Thursday at the example practice, played live and proved from the books."""
