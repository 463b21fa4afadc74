"""What can be said to the host on its command line, and nothing about what it does with it."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

EVENT_GRID_RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds; the real ones start at 10 and last a day
DEFAULT_HIDE_TIME = 600  # seconds; the platform's own, not a host.json setting there either


class Chaos(msgspec.Struct, frozen=True, kw_only=True):
    """How badly Event Grid behaves. duplicate, drop: probabilities; reorder, delay: seconds; seed: repeatable."""

    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    drop: float = 0.0
    seed: int | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `local.host.run` needs to know; paths may be relative to the working directory."""

    app: Path
    port: int = 7071
    settings: Path | None = None
    event_grid: Path | None = None
    chaos: Chaos = Chaos()
    event_grid_retries: tuple[float, ...] = EVENT_GRID_RETRIES
    event_grid_bookmark: Path | None = None
    hide_time: int = DEFAULT_HIDE_TIME
    blob_scan_interval: float = 10.0
    enable_auth: bool = False
    with_parent: bool = False
    overrides: dict[str, str] = {}


def parse(arguments: list[str] | None = None) -> Options:
    """Options from a command line; argparse ends the process with 2 on a mistake."""
    given = _parser().parse_args(arguments)
    return Options(
        app=given.app,
        port=given.port,
        settings=given.settings,
        event_grid=given.event_grid,
        chaos=given.event_grid_chaos,
        event_grid_retries=given.event_grid_retries,
        event_grid_bookmark=given.event_grid_bookmark,
        hide_time=given.hide_time,
        blob_scan_interval=given.blob_scan_interval,
        enable_auth=given.enable_auth,
        with_parent=given.with_parent,
        overrides=dict(given.set),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Run a function app over Azurite.")
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="0 chooses a free one (default 7071)")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json in the app folder, if there")
    parser.add_argument("--event-grid", type=Path, metavar="ACCESS_LOG", help="play Event Grid from Azurite's log")
    parser.add_argument("--event-grid-chaos", type=_chaos, default=Chaos(), metavar="duplicate=0.5,reorder=0.2")
    parser.add_argument(
        "--event-grid-bookmark", type=Path, metavar="FILE", help="publish what happened while it was down"
    )
    parser.add_argument("--event-grid-retries", type=_seconds, default=EVENT_GRID_RETRIES, metavar="0.2,1,5")
    parser.add_argument("--hide-time", type=_positive, default=DEFAULT_HIDE_TIME, metavar="SECONDS")
    parser.add_argument("--blob-scan-interval", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--enable-auth", action="store_true", help="ask for keys, as Azure does")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input closes")
    parser.add_argument("--set", type=_assignment, action="append", default=[], metavar="NAME=VALUE")
    return parser


def _chaos(text: str) -> Chaos:
    members = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    try:
        return msgspec.convert(members, Chaos, strict=False)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def _seconds(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("storage hides a message for whole seconds, at least 1")
    return value


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
