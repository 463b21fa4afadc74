"""Azure Storage behind the ports `Ledger`, `Blobs` and `Queues`.

`accounts.Storage` builds them. Rules about runs are in `retrain`.
"""
