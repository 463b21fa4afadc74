"""Batch endpoints of today's Azure Machine Learning: deployments of pipeline components, and their invocation."""
