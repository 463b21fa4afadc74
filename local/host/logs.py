"""Log lines on standard error, with the secrets of storage taken out."""

from __future__ import annotations

import logging
import re
import sys

_SECRETS = re.compile(r"((?:\bsig|AccountKey|\bcode)=)[^&;\s\"']+")
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL,
}


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def redact(text: str) -> str:
    """`text` without the values of SAS signatures, account keys and function keys."""
    return _SECRETS.sub(r"\1[redacted]", text)


def configure(level: str) -> None:
    """Send everything at host.json's default level to standard error; storage clients only from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=_LEVELS.get(level.lower(), logging.INFO), handlers=[handler], force=True)
    # These log every request; the worker's own lines repeat ours.
    for chatty in ("azure.core.pipeline.policies.http_logging_policy", "azure.functions", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
