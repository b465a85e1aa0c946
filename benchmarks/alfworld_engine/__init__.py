"""The twin of ALFWorld against the stock engine: differences, time and memory."""
