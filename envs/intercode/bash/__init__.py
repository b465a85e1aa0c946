"""InterCode-Bash: tasks in a file tree, in a sandbox with a shell that stays open."""
