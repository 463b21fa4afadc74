"""What the published contract of today's service leaves open. Who acts on a switch is elsewhere."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "jobDelay": Switch(0.0, number(0, 86400), "seconds each command job is slowed down by, for tests and demos"),
    "jobStatusPause": Switch(0.0, number(0, 60), "seconds a job stays in each status on its way to Running"),
    "runningStatus": Switch(
        "Running", one_of("Running", "NotResponding", "Paused"), "what GET calls a job that is at work"
    ),
    "jobCancelAnswer": Switch(202, one_of(200, 202), "how a cancelled job is answered; 202 comes with a Location"),
    "jobCancelDelay": Switch(0.0, number(0, 600), "seconds a job stays CancelRequested"),
    "jobOutputUri": Switch("shown", one_of("shown", "null"), "whether a job shows where outputs went nobody placed"),
    "jobInputCheck": Switch("put", one_of("put", "run"), "when an asset that an input names has to be there"),
    "assetTagFilter": Switch(
        "applied", one_of("applied", "ignored"), "whether `tags=` of a list of versions is heeded"
    ),
    "resourcePage": Switch(100.0, number(1, 1000), "resources on one page of a list"),
}
