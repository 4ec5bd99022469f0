"""Learning without knowing where the weights are: a search that lists, and verifies."""
