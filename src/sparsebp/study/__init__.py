"""The configuration: its checks, the slices that steps depend on, and what files match it."""
