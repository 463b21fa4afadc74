"""What a URI of the workspace means: which blob, or which folder of blobs.

`azureml://datastores/{name}/paths/{path}` and its long forms, `azureml://jobs/{job}/outputs/{output}[/paths/{path}]`,
`runs:/{run}/{path}`, assets (`azureml:{name}:{version}`, `@latest`, Resource Manager ids, `azureml://locations/…`),
and addresses of blobs.
"""

import re
from urllib.parse import unquote

from local.services.azureml import artifacts
from local.services.azureml.control import assets
from local.services.azureml.control.records import MlJob, RegistryAsset
from local.services.azureml.modules import place
from local.services.azureml.records import DEFAULT_STORE, Datastore, MlWorkspace
from local.services.engine.blobs import ARTIFACTS
from local.services.engine.engine import Engine
from local.services.engine.records import BlobReference

ARTIFACT_STORE = "workspaceartifactstore"
"""The datastore in which jobs leave logs and what they did not place themselves."""
_SCHEME = r"(?:azureml:/?/?|/)"
_DATASTORE = re.compile(_SCHEME + r"(?:.*/)?datastores/(?P<store>[^/]+)/(?:paths/)?(?P<path>.*)", re.IGNORECASE)
_OUTPUT = re.compile(_SCHEME + r"(?:.*/)?jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)/?(?:paths/(?P<path>.*))?")
_PRODUCED = re.compile(r"azureml://.*/azureml_(?P<job>.+)_output_(?:data|mlmodel)_(?P<output>.+)/versions/1")
"""An output by the asset id that run history gives it."""
_RUN = re.compile(r"runs:/(?P<job>[^/]+)/(?P<path>.*)")
_ASSET = re.compile(
    _SCHEME + r".*/(?P<collection>data|models|environments|components|codes|code)/(?P<name>[^/]+)"
    r"/(?:versions/|labels/)(?P<version>[^/]+)/?"
)
_SHORT = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9._-]+)[:@](?P<version>[A-Za-z0-9._-]+)")


class NoSuchPlace(ValueError):
    """A URI that means nothing here; the message says what lacks."""


def default_output(job: str, output: str) -> str:
    """Where an output goes that nobody placed."""
    return f"azureml://datastores/{DEFAULT_STORE}/paths/azureml/{job}/{output}/"


def artifact_folder(job: str) -> str:
    """Where a job's artifacts are, spelled as the service does: without `paths`."""
    return f"azureml://datastores/{ARTIFACT_STORE}/{artifacts.ORIGIN}/{artifacts.container(job)}"


def locate(engine: Engine, workspace: MlWorkspace, uri: str) -> BlobReference:
    """The blob, or the folder of blobs (`container/path/`). Raises: NoSuchPlace."""
    plain = resolved(engine, workspace, uri)
    if plain.startswith(("http://", "https://")):
        return _address(plain)
    if found := _RUN.fullmatch(plain):
        return artifacts.reference(engine, found["job"], found["path"])
    datastore = _DATASTORE.fullmatch(plain)
    if datastore is None:
        raise NoSuchPlace(f"{uri!r} names no data here.")
    return _stored(engine, workspace, datastore["store"], datastore["path"])


def resolved(engine: Engine, workspace: MlWorkspace, uri: str) -> str:
    """What outputs of jobs and assets stand for: a URI that names a datastore, an address, or a run's artifact.

    Raises: NoSuchPlace.
    """
    if uri.startswith(("http://", "https://")) or _RUN.fullmatch(uri):
        return uri
    if found := _OUTPUT.match(uri) or _PRODUCED.fullmatch(uri):
        return _output(engine, workspace, found["job"], found["output"], found.groupdict().get("path") or "")
    if _DATASTORE.fullmatch(uri):
        return uri
    properties = asset_of(engine, workspace, uri, ("data", "models")).properties
    return resolved(engine, workspace, str(properties.get("modelUri") or properties["dataUri"]))


def asset_of(engine: Engine, workspace: MlWorkspace, uri: str, collections: tuple[str, ...]) -> RegistryAsset:
    """The asset that a URI, a Resource Manager id or a short name means. Raises: NoSuchPlace."""
    if found := _ASSET.fullmatch(uri):
        collection = "codes" if found["collection"] == "code" else found["collection"]
        names = [(collection, found["name"], found["version"])]
    elif found := _SHORT.fullmatch(uri):
        names = [(collection, found["name"], found["version"]) for collection in collections]
    else:
        raise NoSuchPlace(f"{uri!r} names no data here: give azureml://datastores/…/paths/…, an asset, or a blob.")
    for collection, name, version in names:
        if asset := assets.find(engine.store, workspace, collection, name, version):
            return asset
    raise NoSuchPlace(f"There is no asset {uri} in workspace {workspace.name}.")


def _output(engine: Engine, workspace: MlWorkspace, name: str, output: str, path: str) -> str:
    job = engine.store.find(MlJob, assets.key(workspace, "jobs", name))
    if job is None:
        raise NoSuchPlace(f"There is no job {name} in workspace {workspace.name}.")
    folder = artifact_folder(name) if output in ("artifacts", "default") else job.outputs.get(output)
    if folder is None:
        known = ", ".join(job.outputs) or "none"
        raise NoSuchPlace(f"Job {name} has no output {output!r}; it has {known}.")
    return resolved(engine, workspace, f"{folder.rstrip('/')}/{path}" if path else folder)


def _stored(engine: Engine, workspace: MlWorkspace, name: str, path: str) -> BlobReference:
    if name == ARTIFACT_STORE:
        return engine.blobs.own_reference(path.lstrip("/"), ARTIFACTS)
    store = engine.store.find(Datastore, f"{workspace.id}/{name}")
    if store is None:
        raise NoSuchPlace(f"There is no datastore {name!r} in workspace {workspace.name}.")
    return place(engine, store, path)


def _address(uri: str) -> BlobReference:
    bare, _, token = uri.partition("?")
    scheme, _, rest = bare.partition("://")
    host, _, path = rest.partition("/")
    account = ""
    if not host.partition(":")[0].endswith(".net"):  # a storage on this machine: its account is the path's first part
        account, _, path = path.partition("/")
        account = f"/{account}"
    return BlobReference(
        base_location=f"{scheme}://{host}{account}/",
        relative_location=unquote(path),
        sas_blob_token=f"?{token}" if token else None,
    )
