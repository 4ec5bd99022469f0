"""Learning sparse binary neural networks with belief propagation."""
