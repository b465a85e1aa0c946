"""How fast tabular planning and learning are, beside published packages and plain loops."""
