"""Who may ask for tokens."""

import secrets

from local.services.engine.records import Record

CONTRIBUTOR, READER = "Contributor", "Reader"
ROLES = (CONTRIBUTOR, READER)


class Principal(Record, kw_only=True):
    """An identity: `id` is its client id. `role` is what it may do, everywhere."""

    tenant: str
    secret: str
    role: str = CONTRIBUTOR

    def opened_by(self, secret: str) -> bool:
        """Whether the secret is its own."""
        return secrets.compare_digest(secret.encode(), self.secret.encode())
