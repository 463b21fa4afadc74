"""Blob names: trigger path patterns and blob URLs. Pure; no I/O."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import msgspec

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


class BlobPath(msgspec.Struct, frozen=True):
    """A trigger path "container/pattern": the container is literal, a {token} matches greedily and across slashes."""

    container: str
    pattern: str
    regex: str

    @classmethod
    def parse(cls, path: str) -> BlobPath:
        """The pattern that `path` spells (settings already resolved). Raises ValueError with the reason."""
        container, _, pattern = path.partition("/")
        if not container or "{" in container:
            raise ValueError(f"blob path {path!r} must start with a container's name, without {{tokens}}")
        return cls(container, pattern or "{name}", _regex(pattern or "{name}", path))

    def match(self, container: str, name: str) -> dict[str, str] | None:
        """Values of the tokens, or None when the blob does not belong here. Case-sensitive."""
        found = re.fullmatch(self.regex, name, re.DOTALL) if container == self.container else None
        return found.groupdict() if found else None


def split_url(url: str, account: str) -> tuple[str, str]:
    """(container, blob name) of a blob URL, with or without the account in its path. Raises ValueError."""
    segments = urlsplit(url).path.lstrip("/").split("/")
    host = urlsplit(url).hostname or ""
    if segments and segments[0] == account and not host.startswith(f"{account}."):
        segments = segments[1:]
    if len(segments) < 2 or not all((segments[0], segments[1])):
        raise ValueError(f"{url!r} is not the URL of a blob")
    return unquote(segments[0]), unquote("/".join(segments[1:]))


def _regex(pattern: str, path: str) -> str:
    parts, position = [], 0
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[position : token.start()]))
        parts.append(_group(token, path))
        position = token.end()
    parts.append(re.escape(pattern[position:]))
    try:
        re.compile(regex := "".join(parts))
    except re.error as error:
        raise ValueError(f"blob path {path!r}: {error}") from error
    return regex


def _group(token: re.Match[str], path: str) -> str:
    if token[1] is None:
        return re.escape(token[0][0])
    if not token[1].isidentifier():
        raise ValueError(f"blob path {path!r}: {{{token[1]}}} is not a name")
    return f"(?P<{token[1]}>.*)"
