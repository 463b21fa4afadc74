"""How blobs of ours are named to a pipeline: as a datastore and a path in it, in the assignments of a submission.

A datastore is registered in the workspace over one of our containers; which one is said in the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from retrain.errors import BadConfiguration

Form = Literal["parameter", "datapath", "dataset"]
"""Which assignments carry a path: a plain text relative to the module's datastore, a data path, or a data set."""


class Passed(NamedTuple):
    """A blob (container/name) that fills a pipeline parameter."""

    parameter: str
    form: Form
    blob: str


def assignments(
    parameters: Mapping[str, str], passed: Iterable[Passed], datastores: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The members of a submission that hold parameters, without those that would be empty.

    Raises:
        BadConfiguration: a blob is in a container that no datastore was named for.
    """
    found: dict[str, dict[str, Any]] = {
        "ParameterAssignments": dict(parameters),
        "DataPathAssignments": {},
        "DataSetDefinitionValueAssignments": {},
    }
    for one in passed:
        where = _location(one, datastores)
        if one.form == "parameter":
            found["ParameterAssignments"][one.parameter] = where["RelativePath"]
        elif one.form == "datapath":
            found["DataPathAssignments"][one.parameter] = where
        else:
            found["DataSetDefinitionValueAssignments"][one.parameter] = {"LiteralValue": where}
    return {name: values for name, values in found.items() if values}


def _location(passed: Passed, datastores: Mapping[str, str]) -> dict[str, str]:
    container, _, path = passed.blob.partition("/")
    if container not in datastores:
        raise BadConfiguration(
            f"parameter {passed.parameter!r} would be {passed.blob}, but `datastores` names none over the container "
            f'{container!r}; register one in the workspace and add it: datastores = {{ {container} = "NAME" }}'
        )
    return {"DataStoreName": datastores[container], "RelativePath": path}


def path_problems(parameters: Mapping[str, str], filled: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong with the names of parameters that we fill, given as (setting, parameter)."""
    found, seen = [], dict[str, str]()
    for setting, name in filled:
        if not name:
            found.append(f"{setting} must name the pipeline parameter that takes it")
        elif name in parameters:
            found.append(f"parameters sets {name!r}, which {setting} fills")
        elif name in seen:
            found.append(f"{setting} and {seen[name]} are both {name!r}; each needs a parameter of its own")
        seen[name] = setting
    return found
