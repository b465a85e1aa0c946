"""The loop, running many episodes, recording, reporting, the command line."""
