"""Figures, tables and pages."""

CONFIDENCE = 0.95
"""Of every interval that figures show."""
