"""From what the user names to pictures: `paths.find_images` finds them, `frames.read_frames` decodes them."""
