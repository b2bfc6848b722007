"""The labels of the tiny network that export_tiny.py exports."""

LABELS = ["Kätzchen", "猫 (two words)", "dog"]
