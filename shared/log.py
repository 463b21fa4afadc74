"""Logging: ids are in the text, because the Functions worker passes on the formatted message and drops the rest."""

from __future__ import annotations

import logging

NOISY = ("azure", "urllib3")


def quiet_libraries() -> None:
    """Azure's libraries log each request at INFO; theirs are shown from WARNING on."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
