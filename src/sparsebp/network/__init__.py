"""The networks: teachers, students, samples, and errors."""
