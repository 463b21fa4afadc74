"""Loading our clients of Azure ML is measured, and stays a fraction of what a general client costs."""

from __future__ import annotations

from benchmarks import imports


def test_our_clients_load_in_less_time_and_memory_than_a_general_one() -> None:
    found = imports.measure(rounds=1)
    ours, theirs = found["the same, with azure-identity"], found["azure-ai-ml, with azure-identity"]
    assert found["Retrain's clients of Azure ML"].seconds > 0.01
    assert ours.modules < theirs.modules
    assert ours.megabytes < theirs.megabytes / 2
