"""From a model URI to verified files on this machine's disk."""
