"""How plots, contact sheets, thumbnails and HTML pages look, for every script."""
