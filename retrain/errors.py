"""What can go wrong, sorted by what the reader of the error can do about it.

RetrainError                    every message: what was asked, what came back, what to do next
├─ RetryableError(retry_after)  nobody need act: ask again later
│  ├─ Throttled                 429, or 503 with a throttling code
│  ├─ Unavailable               408, 5xx, no answer at all
│  ├─ NotYet                    it was begun and takes its time
│  └─ StaleRecord               our own record was changed by someone else meanwhile
└─ PermanentError               asking again gives the same answer
   ├─ BadRequest                what the caller sent cannot be used
   │  └─ TooLarge               it is more than is read (413)
   ├─ BadConfiguration          a model's configuration or a setting cannot be used
   ├─ AccessDenied              401, 403, or a name outside what is allowed
   ├─ NotFound                  404
   ├─ Replaced                  the blob changed before it was read (412)
   ├─ Conflict                  409: exists already, or not allowed in this state
   │  └─ Taken                  another run used this content first
   └─ IllegalMove               a run cannot go from where it is to there
"""

from __future__ import annotations


class RetrainError(Exception):
    """Base of everything Retrain raises on purpose. `code` is what the HTTP interface shows, in lowerCamelCase."""

    code = "error"


class RetryableError(RetrainError):
    """Asking again later may well succeed; `retry_after` is in seconds when the service named a time."""

    code = "tryAgain"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(RetryableError):
    """The service is there and asks for fewer calls."""

    code = "throttled"


class Unavailable(RetryableError):
    """The service did not answer, or answered that it cannot now."""

    code = "unavailable"


class NotYet(RetryableError):
    """What was asked for is being done; asking again gets the result, or this again."""

    code = "notYet"


class StaleRecord(RetryableError):
    """Somebody else saved this record first: load it and decide again."""

    code = "stale"


class PermanentError(RetrainError):
    """Asking again would give the same answer; a person or another input is needed."""

    code = "refused"


class BadRequest(PermanentError):
    """What was sent cannot be used; `problems` lists every mistake found."""

    code = "badRequest"

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class TooLarge(BadRequest):
    """What was sent is more than is read."""

    code = "tooLarge"


class BadConfiguration(PermanentError):
    """A configuration cannot be used; `problems` lists every mistake found, with its line."""

    code = "badConfiguration"

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class AccessDenied(PermanentError):
    """The caller, or a key of ours, may not do this."""

    code = "accessDenied"


class NotFound(PermanentError):
    """There is no such thing."""

    code = "notFound"


class Replaced(PermanentError):
    """The blob is no longer the version that was seen."""

    code = "replaced"


class Conflict(PermanentError):
    """It exists already, or the present state does not allow it."""

    code = "conflict"


class Taken(Conflict):
    """Another run used the same content with the same parameters and configuration first; `run` is its id."""

    def __init__(self, message: str, *, run: str) -> None:
        super().__init__(message)
        self.run = run


class IllegalMove(PermanentError):
    """A run cannot go from its state to the one asked for."""

    code = "illegalMove"
