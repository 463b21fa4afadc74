"""A nightly timer, one that also runs at start, and one that is slower than its schedule; the queue "ticks" tells."""

import json
import time

import azure.functions as func

app = func.FunctionApp()
STORAGE = "AzureWebJobsStorage"


def tick(name: str, timer: func.TimerRequest, **more: object) -> str:
    return json.dumps({"name": name, "pastDue": timer.past_due, "status": timer.schedule_status, **more})


@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
@app.queue_output(arg_name="ticks", queue_name="ticks", connection=STORAGE)
def nightly(timer: func.TimerRequest, ticks: func.Out[str]) -> None:
    ticks.set(tick("nightly", timer))


@app.timer_trigger(arg_name="timer", schedule="0 0 4 1 1 *", run_on_startup=True)
@app.queue_output(arg_name="ticks", queue_name="ticks", connection=STORAGE)
def at_start(timer: func.TimerRequest, ticks: func.Out[str]) -> None:
    ticks.set(tick("at_start", timer))


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
@app.queue_output(arg_name="ticks", queue_name="ticks", connection=STORAGE)
def slow(timer: func.TimerRequest, ticks: func.Out[str]) -> None:
    began = time.time()
    time.sleep(1.2)
    ticks.set(tick("slow", timer, began=began, ended=time.time()))
