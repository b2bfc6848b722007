"""Options, declared once, and the way from arguments to the values that everything below takes."""
