"""Activities that touch nothing outside: Wait, SetVariable, Fail."""

import asyncio
import time
from typing import Any

from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import ActivityFailed


async def wait(doing: Doing) -> Any:
    """Wait: `waitTimeInSeconds` since it began, a restart included."""
    seconds = float(doing.required("waitTimeInSeconds"))
    await asyncio.sleep(max(0.0, doing.record.created + seconds - time.time()))
    return {}


async def set_variable(doing: Doing) -> Any:
    """SetVariable: of the pipeline's own."""
    name, value = str(doing.required("variableName")), doing.properties.get("value")
    if name not in (doing.run.definition.get("variables") or {}):
        raise ActivityFailed("2103", f"The pipeline has no variable {name!r}.")
    doing.run.variables[name] = value
    doing.home.engine.store.save(doing.run)
    return {"name": name, "value": value}


async def fail(doing: Doing) -> Any:
    """Fail: with the message and code that it was given."""
    raise ActivityFailed(str(doing.required("errorCode")), str(doing.required("message")))
