"""Independent test oracles: exhaustive enumeration, a plain twin of the updates, exact rings."""
