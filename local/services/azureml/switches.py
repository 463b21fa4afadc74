"""What the published contract of these services leaves open. Who acts on a switch is elsewhere."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "enumEncoding": Switch("string", one_of("string", "number"), "how the pipelines service writes its enums"),
    "newRunStatus": Switch("present", one_of("present", "null"), "whether a run that has not begun has a Status"),
    "dataSetMember": Switch(
        "DataSetDefinitionValueAssignments",
        one_of("DataSetDefinitionValueAssignments", "DataSetDefinitionValueAssignment"),
        "the member's spelling in a run",
    ),
    "createdDate": Switch("real", one_of("real", "epoch"), "CreatedDate of a run: its own, or 1970-01-01T00:00:00"),
    "pathAssignment": Switch(
        "either",
        one_of("either", "ParameterAssignments", "DataPathAssignments"),
        "which assignments a parameter that fills a Path is taken from",
    ),
    "runCasing": Switch("pascal", one_of("pascal", "camel"), "how a run's members are written"),
    "unknownParameter": Switch(400, one_of(400, 404, 422, "ignore"), "status of a parameter that does not exist"),
    "disabledPipeline": Switch(400, one_of(400, 404, 409), "status of submitting what was disabled"),
    "unsupportedMethod": Switch(405, one_of(405, 400, 404), "status of a GET on an address to submit to"),
    "unknownExperiment": Switch("refuse", one_of("refuse", "empty"), "runs:query of an experiment without runs"),
    "historyPage": Switch(100.0, number(1, 1000), "runs, metrics and artifacts in one answer"),
    "artifactSasLifetime": Switch(86400.0, number(1, 31_536_000), "seconds a SAS given for an artifact or log lives"),
    "stepDelay": Switch(0.0, number(0, 86400), "seconds each step is slowed down by, for tests and demos"),
}
