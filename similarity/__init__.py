"""Pictures that are alike: an index of their features on disk, kept up with folders, and what is found in it.

from similarity import build_index, find, open_index

build_index("photos.index", ["photos/"])
with open_index("photos.index") as index:
    for answer in find(index, ["cat.jpg"], top_k=3):
        print(answer.query, [(match.path, match.similarity) for match in answer.matches])
"""

from similarity.build import build_index
from similarity.index import Index, open_index
from similarity.picture import Picture
from similarity.query import Answer, Match, find

__all__ = ["Answer", "Index", "Match", "Picture", "build_index", "find", "open_index"]
