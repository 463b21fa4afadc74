"""What the published contract of "new" web services leaves open. Who acts on a switch is elsewhere."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "operationDelay": Switch(10.0, number(0, 3600), "seconds a change of a web service takes"),
    "operationField": Switch("status", one_of("status", "provisioningState", "both"), "where an operation's state is"),
    "operationHeaders": Switch("present", one_of("present", "absent"), "whether Azure-AsyncOperation is answered"),
    "operationRetryAfter": Switch(0.0, number(0, 600), "Retry-After of unfinished operations; 0 = none is sent"),
    "patchPayload": Switch(
        "replace", one_of("merge", "replace"), "what PATCH does with a map of assets (and input, output, package, ...)"
    ),
    "putKeys": Switch("generate", one_of("generate", "keep"), "what PUT without keys does to those of a service"),
    "whileProvisioning": Switch(
        "queue", one_of("queue", "refuse"), "a change while another is under way; refuse = 409"
    ),
    "failedDefinition": Switch("old", one_of("old", "new"), "what GET shows after a change has failed"),
    "showCommitmentPlan": Switch("no", one_of("no", "yes"), "whether GET shows the commitment plan"),
    "planMustExist": Switch("yes", one_of("yes", "no"), "whether PUT needs a commitment plan that is there"),
    "webServicePage": Switch(20.0, number(1, 1000), "web services on one page of a list"),
}
