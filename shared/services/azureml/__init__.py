"""Today's Azure Machine Learning: training jobs, registered models, batch endpoints."""
