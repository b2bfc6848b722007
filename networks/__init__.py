"""Networks that Keras Applications lacks, with the same interface as its modules."""
