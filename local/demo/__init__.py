"""`make demo`: the whole story on one machine, on real data, told while it happens. It ends by itself.

Exit code 0 only when everything that it says held; 1 when not, and then its folder is kept; 130 after Ctrl-C.
"""
