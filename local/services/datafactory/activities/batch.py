"""AzureMLBatchExecution: a job of a Studio web service's batch execution (BES), by the linked service `AzureML`.

The job's id is remembered before it is started: submitting only registers, so a submit that was lost runs nothing.
"""

from typing import Any

import msgspec

from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import ML_SERVICE, ActivityFailed, missing
from local.services.datafactory.secrets import secret
from local.services.datafactory.storage import file_of

_VERSION = "api-version=2.0"
_STATES = {0: "notstarted", 1: "running", 2: "failed", 3: "cancelled", 4: "finished"}


async def do(doing: Doing) -> Any:
    """Submits and starts the job, waits for its end; the outputs' addresses. Raises: ActivityFailed."""
    job = doing.memory.get("job") or await _submit(doing)
    await _start(doing, job)
    return await _follow(doing, job)


async def stop(doing: Doing) -> None:
    """Cancels the job, if there is one."""
    if "job" in doing.memory:
        await doing.send("DELETE", _at(doing, doing.memory["job"]), _key(doing))


async def _submit(doing: Doing) -> str:
    reply = await doing.send("POST", f"{_base(doing)}?{_VERSION}", _key(doing), _order(doing))
    if not reply.ok:
        raise _failed(f"submitting the job failed with status code {reply.status}", reply.said())
    job = str(reply.json())
    doing.remember(job=job)
    return job


def _order(doing: Doing) -> dict[str, Any]:
    def files(name: str) -> dict[str, Any]:
        given = doing.properties.get(name) or {}
        return {port: _wire(file_of(doing, file, f"{name}.{port}")) for port, file in given.items()}

    parameters = doing.properties.get("globalParameters") or {}
    return {
        "Inputs": files("webServiceInputs"),
        "Outputs": files("webServiceOutputs"),
        "GlobalParameters": {name: str(value) for name, value in parameters.items()},
    }


def _wire(reference: Any) -> dict[str, Any]:
    return {key: value for key, value in msgspec.to_builtins(reference).items() if value is not None}


async def _start(doing: Doing, job: str) -> None:
    if doing.memory.get("started"):
        return
    reply = await doing.send("POST", f"{_at(doing, job, '/start')}", _key(doing))
    if not reply.ok and b"CannotStartJob" not in reply.content:
        raise _failed(f"starting the job failed with status code {reply.status}", reply.said())
    doing.remember(started=True)


async def _follow(doing: Doing, job: str) -> Any:
    while True:
        reply = await doing.look(_at(doing, job), _key(doing))
        if reply is not None and not reply.ok:
            raise _failed(f"looking at job {job} failed with status code {reply.status}", reply.said())
        found = reply.json() if reply else {}
        code = found.get("StatusCode")
        state = _STATES.get(code, str(code).lower())
        if state == "finished":
            return {"jobId": job, "results": _results(found)}
        if state in ("failed", "cancelled", "canceled"):
            raise _failed(f"job {job} is {state}", str(found.get("Details") or "no details"))
        await doing.pause()


def _results(found: dict[str, Any]) -> dict[str, Any]:
    """Where the outputs are, without their signatures."""
    hidden = ("SasBlobToken", "ConnectionString")
    results = found.get("Results") or {}
    return {name: {k: v for k, v in place.items() if k not in hidden} for name, place in results.items()}


def _failed(what: str, said: str) -> ActivityFailed:
    return ActivityFailed(ML_SERVICE, f"AzureMLBatchExecution: {what}. Error message from the web service: {said}")


def _base(doing: Doing) -> str:
    address = str(doing.service.get("mlEndpoint") or "").partition("?")[0].rstrip("/")
    if not address:
        raise missing("mlEndpoint")
    return address if address.endswith("/jobs") else f"{address}/jobs"


def _at(doing: Doing, job: str, rest: str = "") -> str:
    return f"{_base(doing)}/{job}{rest}?{_VERSION}"


def _key(doing: Doing) -> dict[str, Any]:
    return {"Authorization": f"Bearer {secret(doing.service, 'apiKey')}"}
