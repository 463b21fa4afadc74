"""The app's settings: what is wrong with them is told at once, and all of it."""

from __future__ import annotations

import pytest

from retrain.errors import BadConfiguration
from shared.settings import Settings

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def hosts(value: str) -> tuple[str, ...]:
    return Settings.from_env(STORAGE | {"RETRAIN_CALLBACK_HOSTS": value}).callback_hosts


def test_without_a_setting_only_data_factory_is_called_back() -> None:
    assert Settings.from_env(STORAGE).callback_hosts == (".datafactory.azure.com",)


def test_hosts_that_may_be_called_are_names_or_ends_of_names() -> None:
    assert hosts("127.0.0.1, build.example.com ,.example.org,") == ("127.0.0.1", "build.example.com", ".example.org")


def test_set_to_nothing_it_lets_nobody_be_called() -> None:
    assert hosts("") == ()


@pytest.mark.parametrize("wrong", ["https://build.example.com", "*.example.com", "build.example.com/hook", ".", "a..b"])
def test_what_is_no_host_is_told(wrong: str) -> None:
    with pytest.raises(BadConfiguration, match="is no name of a host"):
        hosts(f"127.0.0.1,{wrong}")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadConfiguration) as raised:
        Settings.from_env({"RETRAIN_OPEN_BUCKETS": "0", "RETRAIN_CALLBACK_HOSTS": "a b"})
    assert len(raised.value.problems) == 3
