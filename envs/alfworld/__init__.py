"""ALFWorld: household tasks in text, on the real engine and on a fast exact twin."""
