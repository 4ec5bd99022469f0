"""Where Snakemake finds ``sparsebp.study.progress``: it looks for packages by this name."""

from sparsebp.study.progress import LogHandler

__all__ = ["LogHandler"]
