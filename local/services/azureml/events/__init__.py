"""Event Grid over workspaces: subscriptions of webhooks, and events of runs and models that are delivered to them."""
