"""Azure Data Factory: factories and what is in them, pipelines that really run, and their activities."""
