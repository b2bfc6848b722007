"""What the options are when nobody sets them. Plain data, so that --help stays instant."""

import os

MODEL = "efficientnet_lite0"  # its weights come with requirements.txt
TOP_K = 5
BATCH_SIZE = 32
READ_AHEAD = 2 * BATCH_SIZE  # pictures decoded while a batch is computed
WORKERS = min(4, os.cpu_count() or 1)  # threads that decode
MAX_PIXELS = 178_956_970  # where Pillow itself sees a decompression bomb; half a gigabyte of RGB
RESIZE_MODES = ("crop", "stretch", "pad")
FIGURE_PICTURES = {".png": 30, ".svg": 30, ".html": 300}  # at most; a figure of more could not be opened, or read
