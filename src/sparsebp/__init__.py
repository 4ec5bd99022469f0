"""Learning sparse binary neural networks with belief propagation."""


def __getattr__(name: str) -> str:
    """``__version__``: that of the installed package, looked up when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version(__name__)
