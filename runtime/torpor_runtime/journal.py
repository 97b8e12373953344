"""The log: one JSON object per line on stderr, for machines first."""

import sys

import orjson


def write(event: str, **fields: object) -> None:
    """Log one event.

    Parameters
    ----------
    event
        What happened, as a short constant.
    fields
        Its details; values that JSON lacks are written as their text.
    """
    line = orjson.dumps({"event": event, **fields}, default=str)
    # One write per line: the load thread and the event loop share the stream.
    sys.stderr.write(line.decode() + "\n")
    sys.stderr.flush()
