"""Planning on ALFWorld, with and without a simulator; the tables of docs/results/alfworld.md."""
