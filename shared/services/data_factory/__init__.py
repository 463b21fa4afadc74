"""Pipelines of Azure Data Factory."""
