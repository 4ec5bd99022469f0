"""Files: what they hold, where they are, how they are written, and what made them."""
