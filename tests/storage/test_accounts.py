"""Finding the storage account in the settings; nothing here asks the network."""

from __future__ import annotations

import subprocess
import sys

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from retrain.errors import BadConfiguration
from shared.storage.accounts import Account, Storage

SERVICES = ("blob", "queue", "table")
KEY = "c2VjcmV0a2V5"


def test_the_emulator_has_its_short_form() -> None:
    account = Account.from_env({"S": "UseDevelopmentStorage=true"}, "S")
    assert account.endpoints["table"] == "http://127.0.0.1:10002/devstoreaccount1"
    assert isinstance(account.credential(), AzureNamedKeyCredential)
    assert account.protocol == "https,http"


@pytest.mark.parametrize("setting", ["Data", "AzureWebJobsData"])
def test_a_connection_string_is_found_as_triggers_find_it(setting: str) -> None:
    account = Account.from_env({setting: f"AccountName=acc;AccountKey={KEY};EndpointSuffix=core.example.org"}, "Data")
    assert account.name == "acc"
    assert account.endpoints["queue"] == "https://acc.queue.core.example.org"
    assert account.protocol == "https"


def test_a_connection_string_may_hold_a_signature_and_endpoints() -> None:
    text = ";".join(
        f"{service}Endpoint=https://acc.{service.lower()}.example.org/" for service in ("Blob", "Queue", "Table")
    )
    account = Account.from_env({"S": f"{text};SharedAccessSignature=?sv=2&sig=secret%3D"}, "S")
    assert account.name == "acc"
    assert account.sas == "sv=2&sig=secret%3D"
    assert isinstance(account.credential(), AzureSasCredential)


@pytest.mark.parametrize(
    ("settings", "kind", "client"),
    [
        (
            {"S__accountName": "acc", "S__credential": "managedidentity", "S__clientId": "id"},
            ManagedIdentityCredential,
            "id",
        ),
        ({"AzureWebJobsS__accountName": "acc"}, DefaultAzureCredential, ""),
    ],
)
def test_an_identity_reaches_the_account_by_its_name(settings: dict[str, str], kind: type, client: str) -> None:
    account = Account.from_env(settings, "S")
    assert account.endpoints["blob"] == "https://acc.blob.core.windows.net"
    assert account.client_id == client
    assert isinstance(account.credential(), kind)


def test_an_identity_reaches_each_service_by_its_address() -> None:
    services = {
        f"S__{service}ServiceUri": f"https://acc.{service}.example.org/" for service in ("blob", "queue", "table")
    }
    account = Account.from_env(services, "S")
    assert (account.name, account.endpoints["queue"]) == ("acc", "https://acc.queue.example.org")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "set S to a connection string, or S__accountName"),
        ({"S": ""}, "set S to a connection string"),
        ({"S": f"AccountKey={KEY}"}, "S names no account"),
        ({"S": "AccountName=acc"}, "neither AccountName with AccountKey nor SharedAccessSignature"),
        ({"S__blobServiceUri": "https://acc.example.org"}, "S__queueServiceUri, S__tableServiceUri"),
        ({"S__accountName": "acc", "S__blobServiceUri": "http://acc.example.org"}, "only sent by https"),
    ],
)
def test_settings_that_name_no_account_are_refused_with_what_to_set(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint) as caught:
        Storage.from_env(settings, "S")
    assert KEY not in str(caught.value)


def test_an_account_shows_no_secret() -> None:
    assert KEY not in repr(Account.from_env({"S": f"AccountName=acc;AccountKey={KEY}"}, "S"))


def test_azures_libraries_are_loaded_when_first_needed() -> None:
    program = (
        "import sys, retrain.ports, shared.storage.accounts as accounts\n"
        "assert not any(name.startswith('azure') for name in sys.modules)\n"
        "storage = accounts.Storage.from_env({'S': 'UseDevelopmentStorage=true'}, 'S')\n"
        "storage.ledger()\n"
        "assert 'azure.storage.blob' not in sys.modules and 'azure.identity' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
