"""Where the storage account is, how we prove who we are, and clients that share one pool of connections.

The settings are those of Azure Functions: a connection string in `NAME`, or `NAME__accountName` (or
`NAME__blobServiceUri`, `NAME__queueServiceUri`, `NAME__tableServiceUri`) with an identity. Azure's libraries are loaded
when a client is first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retrain.errors import BadConfiguration

if TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport

    from shared.storage.blobs import AzureBlobs
    from shared.storage.ledger import TableLedger
    from shared.storage.queues import StorageQueues
    from shared.storage.sas import Signer

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 10.0  # seconds
RETRIES = 2
CONNECTIONS = 32  # kept alive per service; more threads than that open connections of their own

_SERVICES = ("blob", "queue", "table")
# The account and key of every storage emulator; they protect nothing.
_EMULATOR = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR_PORTS = {"blob": 10000, "queue": 10001, "table": 10002}


@dataclass(frozen=True)
class Account:
    """A storage account: its name, the address of each service, and one way to prove who we are.

    That is `key`, or `sas`, or else an identity: the managed one only (`managed`), or whichever this machine offers.
    """

    name: str
    endpoints: Mapping[str, str]
    key: str = field(default="", repr=False)
    sas: str = field(default="", repr=False)
    managed: bool = False
    client_id: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str], name: str) -> Account:
        """The account that a connection name means, found as Functions triggers find theirs.

        Raises:
            BadConfiguration: neither form is set, or it lacks something.
        """
        text = env.get(name) or env.get(f"AzureWebJobs{name}")
        if text:
            return cls.from_connection_string(text, name)
        for prefix in (name, f"AzureWebJobs{name}"):
            settings = {key.rpartition("__")[2]: env[key] for key in env if key.startswith(f"{prefix}__") and env[key]}
            if settings:
                return _by_identity(prefix, settings)
        raise BadConfiguration(f"set {name} to a connection string, or {name}__accountName to use an identity")

    @classmethod
    def from_connection_string(cls, text: str, setting: str = "the connection string") -> Account:
        """Raises BadConfiguration when it lacks the account's name, or key, or SAS; never shows what it holds."""
        parts = {key.lower(): value for key, _, value in (part.partition("=") for part in text.split(";")) if value}
        if parts.get("usedevelopmentstorage", "").lower() == "true":
            return cls(_EMULATOR, _emulator_endpoints(parts), key=_EMULATOR_KEY)
        endpoints = {service: _endpoint(parts, service) for service in _SERVICES}
        if not all(endpoints.values()):
            raise BadConfiguration(f"{setting} names no account; it needs AccountName, or an endpoint for each service")
        key, sas = parts.get("accountkey", ""), parts.get("sharedaccesssignature", "").lstrip("?")
        if not (key and "accountname" in parts) and not sas:
            raise BadConfiguration(f"{setting} holds neither AccountName with AccountKey nor SharedAccessSignature")
        return cls(parts.get("accountname") or _account_of(endpoints["blob"]), endpoints, key=key, sas=sas)

    @property
    def protocol(self) -> str:
        """What signed addresses may be used with: https only, unless the account itself is reached by http."""
        return "https,http" if self.endpoints["blob"].startswith("http:") else "https"

    def credential(self) -> Any:
        """What Azure's clients take. Asks nobody yet."""
        from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

        if self.key:
            return AzureNamedKeyCredential(self.name, self.key)
        if self.sas:
            return AzureSasCredential(self.sas)
        from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

        chosen = self.client_id or None
        if self.managed:
            return ManagedIdentityCredential(client_id=chosen)
        return DefaultAzureCredential(managed_identity_client_id=chosen)


class Storage:
    """The three stores of one account. Timeouts are in seconds; `close` when done."""

    def __init__(
        self,
        account: Account,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        retries: int = RETRIES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        credential: Any = None,
    ) -> None:
        self.account = account
        self._timeouts = {"connection_timeout": connect_timeout, "read_timeout": read_timeout}
        self._retries = retries
        self._now = now
        self._given = credential

    @classmethod
    def from_env(cls, env: Mapping[str, str], name: str = "AzureWebJobsStorage", **options: Any) -> Storage:
        """The storage behind a connection name. Raises BadConfiguration."""
        return cls(Account.from_env(env, name), **options)

    def ledger(self, table: str = "ledger", buckets: int = 1) -> TableLedger:
        """The ledger in one table; `buckets` partitions share the list of open runs."""
        from azure.data.tables import TableClient

        from shared.storage.ledger import TableLedger
        from shared.storage.table import Table

        retry = {f"retry_{kind}": self._retries for kind in ("total", "connect", "read", "status")}
        pace: dict[str, Any] = {"retry_backoff_factor": 0.3, "retry_backoff_max": 3}
        options = {**retry, **pace, "transport": self._transport, "credential": self._credential}
        client = TableClient(self.account.endpoints["table"], table, **options)
        return TableLedger(Table(client), buckets=buckets, now=self._now)

    @cached_property
    def blobs(self) -> AzureBlobs:
        """The blobs of the account."""
        from azure.storage.blob import BlobServiceClient, LinearRetry

        from shared.storage.blobs import BLOCK, AzureBlobs

        client = BlobServiceClient(
            self.account.endpoints["blob"],
            credential=self._credential,
            transport=self._transport,
            retry_policy=LinearRetry(backoff=1, retry_total=self._retries, random_jitter_range=1),
            max_single_put_size=BLOCK,
            max_block_size=BLOCK,
            max_single_get_size=BLOCK,
            max_chunk_get_size=BLOCK,
        )
        return AzureBlobs(client, self._signer(client), self._now)

    @cached_property
    def queues(self) -> StorageQueues:
        """The queues of the account."""
        from azure.storage.queue import LinearRetry, QueueServiceClient

        from shared.storage.queues import StorageQueues

        client = QueueServiceClient(
            self.account.endpoints["queue"],
            credential=self._credential,
            transport=self._transport,
            retry_policy=LinearRetry(backoff=1, retry_total=self._retries, random_jitter_range=1),
        )
        return StorageQueues(client)

    def close(self) -> None:
        """Closes the connections; the stores cannot be used afterwards."""
        if "_transport" in self.__dict__:
            self._transport.session.close()

    def _signer(self, client: Any) -> Signer:
        from shared.storage.sas import DelegationSigner, KeySigner, cannot_sign

        if self.account.key:
            return KeySigner(self.account.name, self.account.key, self.account.protocol)
        return cannot_sign if self.account.sas else DelegationSigner(client, self.account.name, self.account.protocol)

    @cached_property
    def _credential(self) -> Any:
        return self._given or self.account.credential()

    @cached_property
    def _transport(self) -> RequestsTransport:
        import requests
        from azure.core.pipeline.transport import RequestsTransport

        session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_connections=len(_SERVICES), pool_maxsize=CONNECTIONS)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        return RequestsTransport(session=session, session_owner=False, **self._timeouts)


def _by_identity(prefix: str, settings: Mapping[str, str]) -> Account:
    name = settings.get("accountName", "")
    suffix = "core.windows.net"
    endpoints = {
        service: settings.get(f"{service}ServiceUri") or (name and f"https://{name}.{service}.{suffix}")
        for service in _SERVICES
    }
    missing = [f"{prefix}__{service}ServiceUri" for service, address in endpoints.items() if not address]
    if missing:
        raise BadConfiguration(f"set {prefix}__accountName, or also {', '.join(missing)}")
    if any(not address.startswith("https://") for address in endpoints.values()):
        raise BadConfiguration(f"{prefix}: an identity's token is only sent by https; correct the service addresses")
    return Account(
        name or _account_of(endpoints["blob"]),
        {service: address.rstrip("/") for service, address in endpoints.items()},
        managed=settings.get("credential", "").lower() == "managedidentity",
        client_id=settings.get("clientId", ""),
    )


def _endpoint(parts: Mapping[str, str], service: str) -> str:
    explicit, name = parts.get(f"{service}endpoint"), parts.get("accountname")
    if explicit or not name:
        return (explicit or "").rstrip("/")
    suffix = parts.get("endpointsuffix", "core.windows.net")
    return f"{parts.get('defaultendpointsprotocol', 'https')}://{name}.{service}.{suffix}"


def _emulator_endpoints(parts: Mapping[str, str]) -> dict[str, str]:
    proxy = parts.get("developmentstorageproxyuri", "http://127.0.0.1").rstrip("/")
    return {service: f"{proxy}:{port}/{_EMULATOR}" for service, port in _EMULATOR_PORTS.items()}


def _account_of(address: str) -> str:
    location = urlsplit(address)
    host, path = location.hostname or "", location.path.strip("/")
    return path.split("/")[0] if path else host.split(".")[0]
