"""What one server for many clients is worth: /v1/score, merged over clients, against echo per candidate."""
