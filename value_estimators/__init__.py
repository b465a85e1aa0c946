"""How good is a state: rules, Monte-Carlo rollouts, a learned network, exact distances for tests."""
