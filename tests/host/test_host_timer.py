"""Timer triggers over a real host."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

SETTINGS = {"AzureFunctionsWebHost__hostid": "myhost", "AzureWebJobs.slow.Disabled": "true"}
STATUS = "timers/myhost/Host.Functions.nightly/status"


def record(account, last_updated: datetime, following: datetime) -> None:
    status = {"Last": None, "Next": following.isoformat(), "LastUpdated": last_updated.isoformat()}
    account.container("azure-webjobs-hosts").upload_blob(STATUS, json.dumps(status))


def test_a_timer_that_was_missed_runs_once_as_past_due_and_records_the_next_time(account, start, collect):
    three_days_ago = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=3)
    record(account, three_days_ago, three_days_ago + timedelta(hours=2))
    host = start("timers", SETTINGS | {"AzureWebJobs.at_start.Disabled": "true"})
    (tick,) = map(json.loads, collect("ticks", 1))
    assert (tick["name"], tick["pastDue"]) == ("nightly", True)
    host.stop()
    status = json.loads(account.read("azure-webjobs-hosts", STATUS)[STATUS])
    assert datetime.fromisoformat(status["Next"]) > datetime.now(UTC)
    assert account.take("ticks") == []


def test_a_changed_schedule_is_nothing_to_catch_up_with(account, start, collect):
    yesterday = datetime.now(UTC).replace(minute=30) - timedelta(days=1)
    record(account, yesterday, yesterday + timedelta(minutes=5))
    start("timers", SETTINGS)
    (tick,) = map(json.loads, collect("ticks", 1))
    assert (tick["name"], tick["pastDue"]) == ("at_start", False)


def test_a_timer_never_overlaps_itself(account, start, collect):
    start("timers", {"AzureWebJobs.at_start.Disabled": "1", "AzureWebJobs.nightly.Disabled": "1"})
    first, second = map(json.loads, collect("ticks", 2))
    assert second["began"] >= first["ended"]
    assert not second["pastDue"]
