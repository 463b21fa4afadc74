"""Two apps in one module: the worker wants exactly one."""

import azure.functions as func

app = func.FunctionApp()
other = func.FunctionApp()
