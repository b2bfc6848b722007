"""From what the user names to pictures: `paths` finds them, `frames` decodes them, `labelled` says what is in them."""
