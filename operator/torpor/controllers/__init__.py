"""One file per kind; the only callers of the ports."""
