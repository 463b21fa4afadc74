"""What callers need of the token service of this machine: the settings azure-identity looks for, and tokens at once."""

import requests

MANAGEMENT = "https://management.azure.com/"
API_VERSION = "2019-08-01"


def identity(url: str) -> dict[str, str]:
    """The settings of the managed identity that the services at `url` play."""
    with _session() as session:
        answer = session.get(f"{url}/_local/identity", timeout=30)
    answer.raise_for_status()
    return dict(answer.json())


def managed_token(url: str, audience: str = MANAGEMENT) -> str:
    """A new token of that identity, as azure-identity would get it."""
    known = identity(url)
    with _session() as session:
        answer = session.get(
            known["IDENTITY_ENDPOINT"],
            params={"api-version": API_VERSION, "resource": audience},
            headers={"X-IDENTITY-HEADER": known["IDENTITY_HEADER"]},
            timeout=30,
        )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy must not stand between two programs of one machine
    return session
