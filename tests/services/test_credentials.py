"""Secrets by reference: where they are read, and that they show nowhere."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.errors import AccessDenied, BadConfiguration, NotFound
from shared.services import credentials
from shared.services.credentials import Secret, reference_problem, references, secret

from .wire import Order, Wire

VALUE = "c2VjcmV0IHZhbHVl=="


def vault(server: Wire, scopes: list[str] | None = None) -> Secret:
    def token(scope: str) -> str:
        if scopes is not None:
            scopes.append(scope)
        return "access-token"

    return secret("keyvault:training-key", {"KEY_VAULT_URL": server.url + "/"}, token=token)


def test_an_environment_secret_is_read_each_time_it_is_needed() -> None:
    env = {"K": f" {VALUE}\n"}
    found = secret("env:K", env)
    assert found() == VALUE
    env["K"] = "another"
    assert found() == "another"


def test_a_key_vault_secret_is_asked_for_once_and_then_kept_shortly(
    server: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(Order(body=b'{"value": "c2VjcmV0IHZhbHVl==", "id": "x"}'))
    scopes: list[str] = []
    found = vault(server, scopes)
    assert server.seen == []
    assert [found(), found()] == [VALUE, VALUE]
    (seen,) = server.seen
    assert seen.path == "/secrets/training-key?api-version=7.4"
    assert seen.headers["Authorization"] == "Bearer access-token"
    assert scopes == ["https://vault.azure.net/.default"]
    monkeypatch.setattr(credentials, "KEEP", 0.0)
    fresh = vault(server)
    fresh(), fresh()
    assert len(server.seen) == 3


@pytest.mark.parametrize(("status", "kind"), [(403, AccessDenied), (404, NotFound)])
def test_what_key_vault_refuses_says_what_to_do(server: Wire, status: int, kind: type[Exception]) -> None:
    server.answers(Order(status, b'{"error": {"code": "Forbidden", "message": "no policy for access-token"}}'))
    with pytest.raises(kind, match=r"read secret training-key .*Key Vault Secrets User") as caught:
        vault(server)()
    assert "access-token" not in str(caught.value)


def test_missing_values_are_named() -> None:
    with pytest.raises(BadConfiguration, match="no value for TRAINING_KEY"):
        secret("env:TRAINING_KEY", {"TRAINING_KEY": " "})
    with pytest.raises(BadConfiguration, match="no value for KEY_VAULT_URL"):
        secret("keyvault:training-key", {})
    with pytest.raises(BadConfiguration, match="not encrypted"):
        secret("keyvault:training-key", {"KEY_VAULT_URL": "http://vault.example"})


@settings(deadline=None)
@given(st.text(min_size=6).filter(lambda text: not text.startswith(("env:", "keyvault:"))))
def test_a_secret_written_by_mistake_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        secret(text, {})
    assert "never write the secret itself" in str(caught.value)
    sentence = reference_problem("key", "x") or ""
    assert text in sentence or text not in str(caught.value)


@pytest.mark.parametrize("reference", ["env:", "env:A B", "keyvault:../x", "vault:x", "env:A\n", "ENV:A"])
def test_only_plain_references_are_taken(reference: str) -> None:
    assert reference_problem("key", reference)


def test_a_secret_shows_only_where_it_is_kept() -> None:
    found = secret("env:K", {"K": VALUE})
    assert repr(found) == str(found) == "Secret(env:K)"
    assert VALUE not in repr(vars(found))


class Settings(msgspec.Struct):
    key: str
    keys: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    url: str = "https://host/env:X"


def test_the_references_in_settings_are_found_and_nothing_else() -> None:
    given = Settings("env:A", ("keyvault:b", "env:C"), {"stage": "env:NOT_A_KEY"})
    assert list(references(given)) == [("key", "env:A"), ("keys", "keyvault:b"), ("keys", "env:C")]
    assert list(references(Settings("c2VjcmV0"))) == []
