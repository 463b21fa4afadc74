"""What the vault keeps."""

from local.services.engine.records import Record


class VaultSecret(Record, kw_only=True):
    """A secret; `id` is its name, `version` that of its present value."""

    value: str
    version: str
    enabled: bool = True
    updated: float = 0.0
