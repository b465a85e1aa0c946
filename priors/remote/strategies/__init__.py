"""Ways from a server's answers to a distribution over actions, one per module."""
