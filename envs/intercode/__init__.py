"""InterCode: agents that type SQL or Bash, and really execute it."""
