"""What happens in each state: a step looks at the run and the outside, and returns an `Outcome`; it saves nothing."""

from __future__ import annotations

from collections.abc import Mapping

from retrain.outcome import StepFunction
from retrain.run import State
from retrain.steps.evaluation import evaluate, prepare
from retrain.steps.intake import intake
from retrain.steps.promotion import promote
from retrain.steps.training import queue, submit, watch

STEPS: Mapping[State, StepFunction] = {
    State.RECEIVED: intake,
    State.READY: submit,
    State.QUEUED: queue,
    State.TRAINING: watch,
    State.TRAINED: prepare,
    State.EVALUATING: evaluate,
    State.PROMOTING: promote,
}
