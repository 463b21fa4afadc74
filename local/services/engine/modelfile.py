"""The `.ilearner` file: a zip of a JSON header and the fitted pipeline in skops format. Never pickle.

Loading trusts nothing but the types listed here: whatever else a file names is refused before it is built.
"""

import hashlib
import io
import platform
import zipfile

import msgspec
import numpy
import sklearn
import skops
import skops.io
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from local.services.engine.records import Column
from local.services.engine.treecheck import check_trees

FORMAT = 1
LARGEST = 1 << 30  # bytes unpacked; a zip may promise more than a machine holds
TRUSTED = (
    # Beyond what skops itself vouches for (scikit-learn's and NumPy's own types): the trees of the tree learners.
    "numpy.dtype",  # of the imputer: a description, nothing runs
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


class NotAModel(ValueError):
    """The bytes are no trained model of this service, or one that must not be loaded; the message says why."""


class Header(msgspec.Struct, kw_only=True, frozen=True):
    """What a model says of itself."""

    format: int
    task: str
    label: str
    learner: str
    columns: tuple[Column, ...]
    classes: tuple[str, ...]  # (negative, positive), or none for regression
    rows: int
    parameters: dict[str, str]
    versions: dict[str, str]
    sha256: str


class Model(msgspec.Struct, frozen=True):
    """A trained model in memory."""

    header: Header
    pipeline: Pipeline


def versions() -> dict[str, str]:
    """The versions a model was trained with."""
    return {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
    }


def pack(header: Header, pipeline: Pipeline) -> bytes:
    """The bytes of an `.ilearner` file; the header's sha256 is filled in."""
    payload = skops.io.dumps(pipeline)
    header = msgspec.structs.replace(header, sha256=hashlib.sha256(payload).hexdigest())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("model.json", msgspec.json.encode(header)), ("model.skops", payload)):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


def header_of(content: bytes) -> Header:
    """Reads the header and checks the payload's sha256, without building the model. Raises: NotAModel."""
    return _open(content)[0]


def unpack(content: bytes) -> Model:
    """Loads a model. Raises: NotAModel."""
    header, payload = _open(content)
    try:
        pipeline = skops.io.loads(payload, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as untrusted:
        raise NotAModel(f"the model names types that are not allowed: {untrusted}") from untrusted
    except Exception as broken:
        raise NotAModel(f"the model cannot be built with {versions()}: {broken!r}") from broken
    if not isinstance(pipeline, Pipeline):
        raise NotAModel(f"the model is a {type(pipeline).__name__}, not a pipeline")
    try:
        check_trees(pipeline[-1])
    except Exception as broken:
        raise NotAModel(f"the model is not sound: {broken!r}") from broken
    return Model(header, pipeline)


def _open(content: bytes) -> tuple[Header, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise NotAModel(f"the model unpacks to more than {LARGEST} bytes")
            header = msgspec.json.decode(archive.read("model.json"), type=Header)
            payload = archive.read("model.skops")
    except (zipfile.BadZipFile, KeyError, EOFError, msgspec.DecodeError) as wrong:
        raise NotAModel(f"the file is not an .ilearner of this service: {wrong}") from wrong
    if header.format != FORMAT:
        raise NotAModel(f"the model has format {header.format}, this service reads {FORMAT}")
    if hashlib.sha256(payload).hexdigest() != header.sha256:
        raise NotAModel("the model's content does not have the sha256 its header promises")
    return header, payload
