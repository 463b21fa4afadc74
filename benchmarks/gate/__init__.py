"""The fault lab: real streams, a catalogue of faults, and what each rule of promotion makes of them."""
