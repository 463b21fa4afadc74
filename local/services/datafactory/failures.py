"""How an activity fails: the code and words that its run shows."""

from typing import Any

ML_SERVICE, ENDPOINT_REFUSED, NO_RESPONSE = "2600", "2108", "2128"
MISSING, BAD_CONNECTION, WRONG_LINKED, BAD_TEMPLATE = "2103", "2106", "2110", "InvalidTemplate"
TIMED_OUT, INTERRUPTED = "TimedOut", "Interrupted"


class ActivityFailed(Exception):
    """The attempt fails with this code and message; `target` of the wire is the activity's name."""

    def __init__(self, code: str, message: str, kind: str = "UserError", output: Any = None):
        super().__init__(message)
        self.code, self.message, self.kind, self.output = code, message, kind, output


def missing(name: str) -> ActivityFailed:
    """A property that an activity or linked service needs."""
    return ActivityFailed(MISSING, f"Please provide value for the required property '{name}'.")
