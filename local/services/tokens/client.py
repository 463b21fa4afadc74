"""What azure-identity must find in its environment so that it asks the token service of this machine."""

import requests


def identity(url: str) -> dict[str, str]:
    """The settings of the managed identity that the services at `url` play."""
    session = requests.Session()
    session.trust_env = False  # a proxy must not stand between two programs of one machine
    with session:
        answer = session.get(f"{url}/_local/identity", timeout=30)
    answer.raise_for_status()
    return dict(answer.json())
