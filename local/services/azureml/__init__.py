"""Azure Machine Learning: the designer's published pipelines, and the services that its runs are read from."""
