"""A stand-in of Azure ML Studio (classic) that really trains and scores; see README.md in this folder."""
