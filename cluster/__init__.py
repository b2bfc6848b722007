"""Many pictures on many machines: Ray Data hands blocks of inputs to workers, each of which writes parts of results."""
