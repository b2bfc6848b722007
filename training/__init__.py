"""Train a classifier for one's own classes: data set, features, head, fine-tuning, report."""
