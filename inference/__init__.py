"""From Frames to Results: the one inference loop, and what scores mean."""
