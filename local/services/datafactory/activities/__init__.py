"""The types of activities, by name: what each does, and how it is stopped at the service that it uses."""

from local.services.datafactory.activities import batch, control, designer, update, web
from local.services.datafactory.doing import Kind

KINDS: dict[str, Kind] = {
    "AzureMLBatchExecution": Kind(batch.do, batch.stop, "AzureML"),
    "AzureMLUpdateResource": Kind(update.do, linked="AzureML"),
    "AzureMLExecutePipeline": Kind(designer.do, designer.stop, "AzureMLService"),
    "WebActivity": Kind(web.call),
    "WebHook": Kind(web.hook),
    "Wait": Kind(control.wait),
    "SetVariable": Kind(control.set_variable),
    "Fail": Kind(control.fail),
}
