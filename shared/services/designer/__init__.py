"""Pipelines of the Azure ML designer: runs of published ones, and the pointer that their batch inference reads."""
