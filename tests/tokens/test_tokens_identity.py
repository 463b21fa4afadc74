"""azure-identity as our code uses it, against the token service of this machine: audiences, renewal, roles, none."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from local.services.launch import ServicesProcess
from retrain.errors import AccessDenied, BadConfiguration, NotFound, Throttled, Unavailable
from shared.services import credentials
from shared.services.credentials import identity_token, secret
from tests.identity import identified
from tests.tokens.conftest import NOWHERE, Tokens

VAULT = "https://vault.azure.net/.default"
AUDIENCES = (
    *(f"https://{host}/.default" for host in ("management.azure.com", "ml.azure.com", "storage.azure.com")),
    VAULT,
)


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.mark.parametrize("scope", AUDIENCES)
def test_a_token_is_for_the_audience_that_was_asked_for(tokens: Tokens, scope: str) -> None:
    found = claims(identity_token(scope))
    assert found["aud"] == scope.removesuffix("/.default")
    assert found["exp"] - time.time() > 3000


def test_a_token_is_asked_for_once_for_each_audience_and_then_kept(tokens: Tokens) -> None:
    credentials._credential.cache_clear()
    for _ in range(5):
        assert {identity_token(scope) for scope in AUDIENCES} == {identity_token(scope) for scope in AUDIENCES}
    assert tokens.asked() == len(AUDIENCES)


def test_a_token_for_another_audience_is_refused(tokens: Tokens) -> None:
    answer = tokens.vault("GET", identity_token(AUDIENCES[0]))
    assert answer.status_code == 401
    assert "obtained for wrong audience or resource 'https://management.azure.com'" in answer.text
    assert tokens.vault("PUT", identity_token(VAULT), value="hello").status_code == 200
    assert tokens.vault("GET", identity_token(VAULT)).json()["value"] == "hello"


def test_a_token_that_is_about_to_end_is_renewed_in_time(tokens: Tokens) -> None:
    credentials._credential.cache_clear()
    tokens.control.switches(tokenLifetime=3)
    first = identity_token(VAULT)
    assert tokens.vault("PUT", first, value="still there").status_code == 200
    time.sleep(3.1)
    assert tokens.vault("GET", first).status_code == 401
    second = identity_token(VAULT)
    assert tokens.vault("GET", second).json()["value"] == "still there"
    assert second != first


def test_a_reader_may_look_and_not_change(tokens: Tokens) -> None:
    assert tokens.vault("PUT", identity_token(VAULT), value="x").status_code == 200
    tokens.control.role("Reader")
    assert tokens.vault("GET", identity_token(VAULT)).status_code == 200
    refused = tokens.vault("PUT", identity_token(VAULT), value="y")
    assert refused.status_code == 403
    assert "its role is Reader, Contributor is needed" in refused.text


def test_no_token_at_all_and_a_forged_one_are_refused(tokens: Tokens) -> None:
    token = identity_token(VAULT)
    head, body, signature = token.split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(token) | {"exp": 9999999999}).encode()).rstrip(b"=").decode()
    for wrong in ("", "x", f"{head}.{other}.{signature}", f"{head}.{body}.{'A' * len(signature)}"):
        assert tokens.vault("GET", wrong).status_code == 401, wrong


def test_without_an_identity_access_is_denied_with_advice() -> None:
    denied = pytest.raises(AccessDenied, match="give the app a managed identity, or sign in with `az login`")
    with identified(AZURE_TOKEN_CREDENTIALS="EnvironmentCredential"), denied:
        identity_token(VAULT)


def test_a_header_that_is_wrong_is_access_denied(tokens: Tokens) -> None:
    there = {"IDENTITY_ENDPOINT": f"{tokens.url}/msi/token", "IDENTITY_HEADER": "a-wrong-header"}
    with identified(**there), pytest.raises(AccessDenied, match="no identity") as caught:
        identity_token(VAULT)
    assert "a-wrong-header" not in str(caught.value)


def test_identities_of_two_surroundings_do_not_mix(tokens: Tokens, tmp_path: Path) -> None:
    first = identity_token(VAULT)
    with ServicesProcess(tmp_path, NOWHERE, workers=1, log=tmp_path / "log") as other, identified(other.url):
        second = identity_token(VAULT)
        assert Tokens(other.url).vault("GET", second).status_code == 404
        assert Tokens(other.url).vault("GET", first).status_code == 401
    assert identity_token(VAULT) == first
    assert tokens.vault("GET", second).status_code == 401


def test_a_service_principal_in_the_environment_is_what_azure_identity_takes(tokens: Tokens) -> None:
    """As far as it goes here: the credential insists on an authority over https, which nobody plays on this machine."""
    with identified(
        AZURE_CLIENT_ID="app", AZURE_TENANT_ID="00000000-0000-4000-8000-0000000000aa", AZURE_CLIENT_SECRET="s3cret",
        AZURE_AUTHORITY_HOST="https://127.0.0.1:9", AZURE_TOKEN_CREDENTIALS="EnvironmentCredential",
    ):  # fmt: skip
        chain = credentials._credential(credentials._surroundings())
        assert [type(one).__name__ for one in chain.credentials] == ["EnvironmentCredential"]
        with pytest.raises((AccessDenied, Unavailable)) as caught:
            identity_token(VAULT)
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def principal(tokens: Tokens) -> dict[str, str]:
    """A service principal, as a form asks for its token."""
    made = tokens.control.call("POST", "/_local/principals", body={"id": "app", "secret": "s3cret"}).json()
    return {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": "s3cret"}


FORMS: list[tuple[str, dict[str, str], type]] = [
    ("token", {"resource": "https://vault.azure.net"}, str),
    ("v2.0/token", {"scope": VAULT}, int),
]


@pytest.mark.parametrize(("route", "wanted", "kind"), FORMS)
def test_client_credentials_give_a_token_in_both_forms(
    tokens: Tokens, principal: dict[str, str], route: str, wanted: dict[str, str], kind: type
) -> None:
    url = f"{tokens.url}/00000000-0000-4000-8000-0000000000aa/oauth2/{route}"
    answer = requests.post(url, data={**principal, **wanted}, timeout=30)
    assert answer.status_code == 200 and isinstance(answer.json()["expires_in"], kind)
    found = answer.json()["access_token"]
    assert claims(found)["appid"] == "app"
    assert tokens.vault("PUT", found, value="by the app").status_code == 200


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"client_secret": "wrong"}, 401, "invalid_client"),
    ({"client_id": "nobody"}, 400, "unauthorized_client"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"scope": "https://vault.azure.net"}, 400, "invalid_scope"),
]


@pytest.mark.parametrize(("change", "status", "code"), WRONG)
def test_client_credentials_that_are_wrong_are_refused_as_oauth_does(
    tokens: Tokens, principal: dict[str, str], change: dict[str, str], status: int, code: str
) -> None:
    url = f"{tokens.url}/00000000-0000-4000-8000-0000000000aa/oauth2/v2.0/token"
    answer = requests.post(url, data={**principal, "scope": VAULT, **change}, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (status, code)


@pytest.fixture
def kept(tokens: Tokens) -> Callable[[], str]:
    """A reference to a secret in the vault, read as a service's client reads it."""
    assert tokens.vault("PUT", identity_token(VAULT), "training-key", value="c2VjcmV0==").status_code == 200
    return secret("keyvault:training-key", {"KEY_VAULT_URL": tokens.url})


def test_a_keyvault_reference_is_read_with_the_apps_identity(tokens: Tokens, kept: Callable[[], str]) -> None:
    tokens.control.clear_log()
    assert [kept(), kept()] == ["c2VjcmV0==", "c2VjcmV0=="]
    assert [entry["operation"] for entry in tokens.control.log()] == ["getsecret"]


def test_a_rotated_key_is_found_once_the_old_one_is_no_longer_kept(
    tokens: Tokens, kept: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "KEEP", 0.0)
    assert kept() == "c2VjcmV0=="
    assert tokens.vault("PUT", identity_token(VAULT), "training-key", value="cm90YXRlZA==").status_code == 200
    assert kept() == "cm90YXRlZA=="


def test_what_the_vault_refuses_is_explained(tokens: Tokens, kept: Callable[[], str]) -> None:
    with pytest.raises(NotFound, match=r"SecretNotFound: .*check the secret's name"):
        secret("keyvault:nothing", {"KEY_VAULT_URL": tokens.url})()
    off = {"value": "x", "attributes": {"enabled": False}}
    assert tokens.vault("PUT", identity_token(VAULT), "off", **off).status_code == 200
    with pytest.raises(AccessDenied, match="not allowed on a disabled secret"):
        secret("keyvault:off", {"KEY_VAULT_URL": tokens.url})()
    tokens.control.fault("getsecret", status=429, retry_after=9)
    with pytest.raises(Throttled) as caught:
        kept()
    assert caught.value.retry_after == 9
    with pytest.raises(BadConfiguration, match="no value for KEY_VAULT_URL"):
        secret("keyvault:training-key", {})


def test_the_vault_tells_its_versions_and_wants_an_api_version(tokens: Tokens, kept: Callable[[], str]) -> None:
    token = identity_token(VAULT)
    shown = tokens.vault("GET", token, "training-key").json()
    version = shown["id"].rpartition("/")[2]
    assert tokens.vault("GET", token, f"training-key/{version}").json() == shown
    assert tokens.vault("GET", token, f"training-key/{'0' * 32}").status_code == 404
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{tokens.url}/secrets/training-key", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
    assert tokens.vault("PUT", token, "no_good", value="x").status_code == 400
    assert tokens.vault("DELETE", token).json()["error"]["code"] == "BadParameter"
