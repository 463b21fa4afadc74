"""Managed online endpoints of Azure Machine Learning: deployments of registered models behind one address."""
