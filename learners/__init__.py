"""Learning from episodes and planners: the bundled prior, the bundled value network."""
