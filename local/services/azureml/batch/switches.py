"""What the published contract of batch endpoints leaves open. Who acts on a switch is elsewhere."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "batchDelay": Switch(0.0, number(0, 3600), "seconds a change of a batch endpoint or deployment takes"),
    "batchUpdateStatus": Switch(200, one_of(200, 201), "status of a PUT of what is there already"),
    "batchNoRoute": Switch(404, one_of(404, 400, 424), "status of an invocation that no deployment can take"),
    "batchDeleteDefault": Switch("refuse", one_of("refuse", "delete"), "deleting the deployment that is the default"),
    "batchRepeated": Switch(
        "same",
        one_of("same", "another"),
        "which job a repeated repeatability_request-id answers",
    ),
    "batchJobId": Switch(
        "empty",
        one_of("empty", "named"),
        "whether the id of a job leaves out its endpoint, as recorded",
    ),
}
