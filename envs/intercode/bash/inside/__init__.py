"""What runs inside the outer namespace of a sandbox, on the standard library alone."""
