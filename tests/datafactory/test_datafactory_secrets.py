"""Secrets are read by activities and never shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.services.datafactory.failures import ActivityFailed
from local.services.datafactory.secrets import MASK, masked, secret

SECRET = "s3cret-value"
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_what_is_no_secret_is_shown_as_it_is(value: Any) -> None:
    assert masked(value) == value


@given(plain, st.sampled_from(["apiKey", "connectionString", "servicePrincipalKey", "sasUri", "password"]))
def test_a_secret_is_hidden_however_deep_it_lies(beside: Any, name: str) -> None:
    for hidden in (SECRET, {"type": "SecureString", "value": SECRET}):
        shown = masked([{"x": beside, "y": [{name: hidden}]}, {"anything": {"type": "SecureString", "value": SECRET}}])
        assert SECRET not in str(shown) and MASK in str(shown)
        assert shown[0]["x"] == beside


@pytest.mark.parametrize("given", [SECRET, {"type": "SecureString", "value": SECRET}])
def test_a_secret_is_read_from_either_form(given: Any) -> None:
    assert secret({"apiKey": given}, "apiKey") == SECRET


@pytest.mark.parametrize(
    ("given", "complaint"),
    [({}, "required property 'apiKey'"), ({"apiKey": {"type": "SecureString", "value": MASK}}, "required property"),
     ({"apiKey": {"type": "AzureKeyVaultSecret", "secretName": "n"}}, "only SecureString can be read")],
)  # fmt: skip
def test_a_secret_that_cannot_be_read_is_told(given: Any, complaint: str) -> None:
    with pytest.raises(ActivityFailed, match=complaint):
        secret(given, "apiKey")
