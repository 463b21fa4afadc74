"""What may be loaded when: the domain alone needs nothing of Azure, and the app's functions are all found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTIONS = {
    "training_data_landed", "candidate_landed", "run_requested", "training_step", "evaluation_step",
    "reconcile_tick", "list_models", "get_model", "list_runs", "list_open_runs", "start_run", "create_upload",
    "adopt_model", "rollback_model", "keep_model", "get_run", "get_evidence", "propose_model", "promote_run",
    "act_on_run", "status_page", "health", "examine_model", "examine_models",
    "events_arrived",
}  # fmt: skip


def fresh(code: str, **env: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_domain_loads_neither_azure_nor_an_http_client() -> None:
    code = """
import pkgutil, importlib, sys, json, retrain
for module in pkgutil.walk_packages(retrain.__path__, "retrain."):
    importlib.import_module(module.name)
unwanted = ("azure", "requests", "urllib3", "aiohttp")
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in unwanted)))
"""
    assert json.loads(fresh(code)) == []


def test_the_real_worker_finds_every_function() -> None:
    code = """
import asyncio, json, sys
from pathlib import Path
from local.host.worker import load
functions = asyncio.run(load(Path.cwd()))
print(json.dumps(sorted(function.name for function in functions)))
"""
    assert set(json.loads(fresh(code, RETRAIN_TICK="0 * * * * *").splitlines()[-1])) == FUNCTIONS


def test_our_own_code_loads_azure_identity_only_when_a_token_is_needed() -> None:
    """What the platform's own extension for blobs loads is not ours to say."""
    code = """
import json, sys
from shared.services.credentials import secret
from shared.wiring import wire
env = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://v.vault.azure.net"}
wire(env).ledger, secret("keyvault:x", env)
print(json.dumps([name for name in ("azure.identity", "msal") if name in sys.modules]))
"""
    assert json.loads(fresh(code)) == []


def test_a_kind_of_service_is_loaded_only_when_a_configuration_names_it() -> None:
    code = """
import json, sys
from shared.wiring import ENDPOINTS, TRAINERS
kinds = (
    "studio.batch", "data_factory.trainer", "designer.pipeline_endpoint",
    "studio.classic", "studio_service.endpoint", "designer.model_pointer", "azureml.trainer", "azureml.endpoint",
)
def loaded(): return [name for name in kinds if f"shared.services.{name}" in sys.modules]
before = loaded()
assert "no-such-kind" not in TRAINERS
TRAINERS["data-factory"]
print(json.dumps([before, loaded()]))
"""
    assert json.loads(fresh(code)) == [[], ["data_factory.trainer"]]
