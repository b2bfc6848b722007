"""What `compare_models.py` does: several models' answers about the same pictures, as a table and a figure."""
