"""Ways out for results: one file each, with a `write(frame, result)`."""
