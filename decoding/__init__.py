"""What is behind `preprocess`: each format's own ways, colours, and what is wrong with a file that cannot be read."""
