"""SLINVIT and its controls on BlocksWorld; the tables of docs/results/blocksworld.md."""
