"""A cold start pays for nothing that only a judgement needs."""

import subprocess
import sys

SCRIPT = """
import sys
import retrain.gate, retrain.gate.rules, retrain.gate.facts
import retrain.data.split, retrain.data.holdout, retrain.data.manifests
retrain.gate.GateRules(metric="auc").problems()
heavy = {"numpy", "scipy", "pandas", "sklearn", "azure", "requests"}
print(*sorted({name.split(".")[0] for name in sys.modules} & heavy))
"""


def test_gate_and_data_are_imported_without_numpy():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
