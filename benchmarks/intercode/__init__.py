"""Does it execute and reward as the original did? Replays of recorded episodes, selection among proposals, speed."""
