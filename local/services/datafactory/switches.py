"""What the published interface of Data Factory leaves open, and what tests steer. Who acts on a switch is elsewhere."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "activityPollInterval": Switch(0.5, number(0.01, 600), "seconds between looks at a job that an activity waits for"),
    "retryScale": Switch(1.0, number(0, 1), "what an activity's retry interval is multiplied by"),
    "queryLag": Switch(0.0, number(0, 3600), "seconds until a new run is found by queryPipelineRuns"),
    "queryPageSize": Switch(100, lambda value: int(number(1, 1000)(value)), "runs in one page of a query"),
    "undeclaredParameters": Switch(
        "ignore", one_of("ignore", "refuse"), "createRun with a parameter that the pipeline does not declare"
    ),
    "cancelEnded": Switch(200, one_of(200, 400), "answer to cancelling a run that has ended"),
    "runDelay": Switch(0.0, number(0, 3600), "seconds a run stays Queued"),
}
