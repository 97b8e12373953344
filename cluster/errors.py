"""The one error that the commands show as a single line."""


class ClusterError(Exception):
    """Something the user can act on: the message says what was found and what to do."""
