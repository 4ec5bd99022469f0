"""The claims of the thesis: tests of curves, verdicts, and conditions in words."""
