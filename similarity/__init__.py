"""Pictures that are alike: an index of their features on disk, kept up with folders, and what is found in it.

from similarity import open_index

with open_index("photos.index") as index:
    rows, similarities = index.nearest(index.vectors[:1], 12)
    print([index.pictures[row].path for row in rows[0]])
"""

from similarity.index import Index, open_index
from similarity.picture import Picture

__all__ = ["Index", "Picture", "open_index"]
