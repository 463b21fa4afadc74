"""Retrain's domain: what a run is, how it moves, and when a model may go live.

Nothing here imports Azure's libraries or an HTTP client; the outside world is named in `retrain.ports` and joined in
`shared.wiring`. A test keeps it so.
"""
