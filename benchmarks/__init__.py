"""Measures the main job end to end on one machine: `make bench`. What was measured is told in docs/benchmarks.md."""
