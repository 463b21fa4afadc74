"""The past played again: files in order of time through intake, training and gate, several policies side by side.

`steps` says what is played, `workshop` does the work that policies share (and does it once), `policies` and `gated`
decide, `hindsight` knows afterwards who was right, `replay` brings them together. `report`, `picture` and the command
`retrain backtest` show the outcome. Nothing here talks to a service, and nothing here is deployed.
"""
