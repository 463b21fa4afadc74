"""The fault lab: real streams, a catalogue of faults, and what each rule of promotion makes of them."""

import os

# Before numpy is loaded: with more threads than free cores, a fit of 0.4 s takes ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
