"""What `retrain endpoints score` does: one request to where an endpoint answers, with that endpoint's own key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from cli.problems import Problem, Usage
from shared.services.credentials import Secret, secret
from shared.services.http import Http
from shared.services.studio.management import Management, runtime_of
from shared.services.studio.web_services import VERSION, Studio

SENT = "***"
"""What answers show in place of the key that asked for them (`Http`)."""


def read(file: Path) -> dict[str, Any]:
    """The request in a file. Raises Usage."""
    try:
        found = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise Usage(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Usage(f"{file} is no JSON: {error}") from None
    if not isinstance(found, dict) or "Inputs" not in found:
        raise Usage(f'{file} is no request; it looks like {{"Inputs": {{"input1": …}}, "GlobalParameters": {{}}}}')
    return found


def score(management: Management, body: dict[str, Any], key: str) -> dict[str, Any]:
    """The results by output: `{"type": "DataTable", "value": {"ColumnNames", "ColumnTypes", "Values"}}` each.

    The endpoint's key is asked for, because `key` may be the workspace's token, which opens management only.

    Raises:
        RetrainError: as management and the endpoint answer. Problem: the answer has no tables.
    """
    info, http = management.show(), Http(management.url)
    base = runtime_of(info, http, management.url)
    hidden = not info.primary_key or SENT in (info.primary_key, info.secondary_key)
    own = secret(key) if hidden else Secret("its primary key", lambda: info.primary_key or "")
    url = f"{base}/execute?{VERSION}&details=true"
    results = Studio(http, own).call("POST", url, f"score at {base}", body).json(dict[str, Any]).get("Results")
    if not isinstance(results, dict):
        raise Problem(f"score at {base}: the answer has no Results")
    return results
