"""What can be known about an ALFWorld household from its words alone, and policies made of that."""
