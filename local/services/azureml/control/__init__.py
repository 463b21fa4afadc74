"""Today's Azure Machine Learning behind Resource Manager: assets, jobs, models, batch endpoints, events."""
