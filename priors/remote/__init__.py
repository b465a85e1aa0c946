"""Models behind an OpenAI-compatible server as priors."""
