"""What a machine can compute on, proved by computing: each backend in a process of its own.

`children.py` starts a process for each backend and gathers what it says; `__main__.py` is that
process; `probes.py` and the `*_probe.py` know the frameworks, `compute.py` the proofs; `verdict.py` sums up.
"""
