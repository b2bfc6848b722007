"""Models taken elsewhere: one file for each format, with how it is written and how its own runtime runs it.

`formats.py` is the table of formats; a row's module has `write(order)` and `load(order)`. Both are called in processes
of their own (`children.py` starts them), because each format needs another framework. `run.py` is the whole export.
"""
