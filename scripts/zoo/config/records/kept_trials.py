"""Under which names the trials of int8 candidates are kept until all are done: `<candidate>: <figure>`."""

CLOSENESS, LATENCY = "closeness", "latency"
"""The figures: how close it is to fp32, and how fast."""
