"""The gate: is the candidate provably better than the champion on rows that neither was trained on?

Pure computation, no input or output. `rules` holds the settings, `judge` is the way in, and the parts between them
are `metrics` (what is measured), `statistics` (how sure), `checks` (may it be measured at all) and `criteria` (is it
good enough). This package file imports nothing, so that reading a configuration does not load numpy.
"""
