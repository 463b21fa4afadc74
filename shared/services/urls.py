"""Rules for addresses: which may be configured at all, and how they are compared and shown. No calls are made here."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from retrain.errors import BadConfiguration


def plain(url: str) -> str:
    """The address without query, for messages: a SAS lives in the query."""
    return url.partition("?")[0].partition("#")[0]


def host_of(url: str) -> str:
    """The host name in lower case, without port. Raises BadConfiguration as `origin` does."""
    return _split(url).hostname or ""


def origin(url: str) -> str:
    """Scheme, host and port, written one way.

    Raises:
        BadConfiguration: no http(s) address, plain http to another machine, or a user name in it.
    """
    parts = _split(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port}"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def related(ours: str, theirs: str) -> bool:
    """Whether a service at one address may name the other: same host, same domain, or both on this machine."""
    here, there = host_of(ours), host_of(theirs)
    if is_loopback(here) or is_loopback(there):
        return is_loopback(here) and is_loopback(there)
    return here == there or here.split(".")[-2:] == there.split(".")[-2:]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError as error:
        raise BadConfiguration(f"{plain(url)!r} is not an address ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadConfiguration(f"{plain(url)!r} is not an address; write https://host/…")
    if "@" in parts.netloc:
        raise BadConfiguration(f"the address of {parts.hostname} holds a user name; keys have their own setting")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadConfiguration(f"{plain(url)} is not encrypted; write https:// (http:// is for this machine only)")
    return parts
