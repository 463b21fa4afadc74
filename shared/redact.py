"""Hiding secrets in text that people may read: signatures, account keys, bearer tokens."""

from __future__ import annotations

import re

_SECRETS = (
    (re.compile(r"(?i)((?:\b|(?<=%3F)|(?<=%26))sig(?:=|%3D))[^&\s\"'<>;,)]+"), r"\1***"),
    (re.compile(r"(?i)(\bAccountKey\s*=\s*)[^;\s\"']+"), r"\1***"),
    (re.compile(r"(?i)(\bSharedKey(?:Lite)? [^:\s]+:)[^\s\"',]+"), r"\1***"),
    (re.compile(r"(?i)(\bBearer\s+)[^\s\"',;]+"), r"\1***"),
    (re.compile(r"(?i)([?&]code=)[^&\s\"'<>]+"), r"\1***"),
)


def redact(text: str) -> str:
    """The text with the value of every SAS signature, account key, bearer token and function key replaced by `***`."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text
