"""What the published contract of online endpoints leaves open, and how long changes take here."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "onlineEndpointDelay": Switch(2.0, number(0, 86400), "seconds a change of an endpoint takes, traffic too"),
    "onlineDeploymentDelay": Switch(6.0, number(0, 86400), "seconds a deployment takes; the real one took minutes"),
    "onlineRetryAfter": Switch(0.0, number(0, 3600), "whole seconds in Retry-After of a change under way; 0: none"),
    "onlineUpdateStatus": Switch(200, one_of(200, 201), "status of a PUT of what is there already"),
    "onlineBusy": Switch(
        "endpoint",
        one_of("endpoint", "resource", "queue"),
        "what is refused with 409 while a change is under way: all of its endpoint, the same resource, or nothing",
    ),
    "onlineFailedFirst": Switch(
        "refuse", one_of("refuse", "fail"), "a PUT of a deployment that failed its first provisioning: 400, or it fails"
    ),
    "onlineDeleteWithTraffic": Switch(
        "refuse", one_of("refuse", "delete"), "deleting a deployment that has traffic: 400, or it goes"
    ),
    "onlineTrafficError": Switch(400, one_of(400, 409, 422), "status of traffic that cannot be meant"),
    "onlineAnswer": Switch(
        "records",
        one_of("records", "numbers", "probabilities", "wrapped"),
        "what a model answers: records of scored columns, one number a row, probabilities of both classes, or records "
        'in {"predictions": …}',
    ),
    "onlineServedBy": Switch("present", one_of("present", "absent"), "whether answers name the deployment in a header"),
    "onlineTokenLifetime": Switch(3600.0, number(1, 86400), "seconds a token of an AMLToken endpoint lives"),
    "onlineQuota": Switch(1000.0, number(0, 10_000), "instances of all deployments together"),
}
