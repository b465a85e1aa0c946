"""InterCode: what language models, recorded ones and rules type into a database or a shell."""
