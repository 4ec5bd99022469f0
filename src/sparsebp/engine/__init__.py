"""The message passing: what learns a student from samples."""
