"""Why a model server gives up: one closed list, each reason with an exit code of its own."""

import enum

MESSAGE_CHARACTERS = 2000
"""The kubelet keeps 4096 bytes of a termination message; the rest of a longer one would be lost anyway."""


class Reason(enum.Enum):
    """A machine-readable cause, in the termination log and in the answers to held requests.

    The value is the process's exit code.
    """

    SettingsInvalid = 10
    ModelNotFound = 11
    CredentialsInvalid = 12
    StorageUnavailable = 13
    ModelTooLarge = 14
    DigestMismatch = 15
    FormatRefused = 16
    ModelLoadFailed = 17
    WarmUpFailed = 18


class ModelServerError(Exception):
    """The model can never be served by this process.

    Parameters
    ----------
    reason
        The cause.
    message
        What was found, what was wanted, what to do; without secrets.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        one_line = " ".join(message.split())
        super().__init__(one_line)
        self.reason = reason
        self.message = one_line[:MESSAGE_CHARACTERS]

    @property
    def line(self) -> str:
        """The termination message."""
        return f"reason={self.reason.name} message={self.message}"
