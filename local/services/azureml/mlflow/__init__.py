"""MLflow's REST interface over a workspace: its registry and its runs, for reading."""
