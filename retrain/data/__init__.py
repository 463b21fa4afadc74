"""Training data: reading it, finding what is wrong with it, splitting off a holdout, putting parts together.

Everything works on open byte streams and knows nothing of storage. `tables` reads and writes rows, `labels` knows what
a label may be, `profile` examines a batch, `split` parts it, `holdout` reads a holdout back for scoring, `manifests`
says which parts a run trains on. Nothing here loads numpy, so that cold starts stay short.
"""
