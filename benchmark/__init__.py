"""What `benchmark_models.py` measures, how, and how the figures are put beside each other."""
