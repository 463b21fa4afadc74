"""What the published contract of events leaves open, and the bad manners that it promises."""

from local.services.engine.switches import Switch, number, one_of

TABLE: dict[str, Switch] = {
    "eventDelay": Switch(0.0, number(0, 86400), "seconds by which every event is late"),
    "eventDisorder": Switch(0.0, number(0, 3600), "seconds by which every other event is later than those after it"),
    "eventCopies": Switch(1.0, number(1, 10), "how many times every event is delivered"),
    "eventRetryDelay": Switch(10.0, number(0.01, 3600), "seconds until a delivery that failed is tried again at first"),
    "eventOfSteps": Switch("yes", one_of("yes", "no"), "whether the steps of pipelines raise events of their own"),
    "eventCasing": Switch(
        "mixed", one_of("mixed", "camel", "pascal"), "members of data; mixed = pascal for models, camel for runs"
    ),
    "eventModelVersion": Switch("number", one_of("number", "text"), "how a version that is a number is written"),
    "eventFilterKeys": Switch("any", one_of("any", "exact"), "whether keys of filters are read in any casing"),
}
