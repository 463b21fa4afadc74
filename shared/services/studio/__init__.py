"""Azure ML Studio (classic): batch execution, request-response, management of endpoints."""
