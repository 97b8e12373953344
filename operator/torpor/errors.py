"""The error classes that a reconcile can end with.

Each says what became of the object and what the worker does next; no HTTP status rises above a client.
"""


class TorporError(Exception):
    """A failure with a reason fit for a condition and a message fit for a person.

    Attributes
    ----------
    reason
        A constant of `torpor.api.conditions.Reason`.
    message
        What is wrong and what to do about it, without clocks or counters.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class TerminalError(TorporError):
    """Trying again cannot help: bad input, a name that is not ours, missing rights.

    The worker marks the object Stalled and waits for a new generation or a watched change.
    """


class RetryError(TorporError):
    """Trying again can help: a timeout, a conflict, an overloaded or absent server.

    Attributes
    ----------
    after_seconds
        What the server asked for (Retry-After), or None for the queue's own back-off.
    """

    def __init__(self, reason: str, message: str, after_seconds: float | None = None) -> None:
        super().__init__(reason, message)
        self.after_seconds = after_seconds
