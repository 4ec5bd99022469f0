"""The compiled inner loops, and how they are compiled once."""
