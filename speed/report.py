"""What was measured, as a page and a figure."""

import platform
from importlib import metadata
from pathlib import Path

import matplotlib
import numpy as np
import seaborn as sns

from speed.timing import Measured

LIBRARIES = ("numpy", "numba", "llvmlite", "jax", "jaxlib", "pgmax")
MARKERS = {"sparsebp": "o", "PGMax": "s", "plain": "^"}
PLAIN = "plain loop"

PAGE = Path(__file__).with_name("page.md")


def write(folder: Path, measured: list[Measured], rounds: int) -> None:
    """Write ``benchmark.md`` and ``benchmark.png`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(folder / "benchmark.png", measured)
    page = PAGE.read_text(encoding="utf-8").format(
        times=times_table(measured),
        rounds=rounds,
        cases=cases_table(measured),
        limits=limits_table(measured),
        machine=machine(),
    )
    (folder / "benchmark.md").write_text(page, encoding="utf-8")


def times_table(measured: list[Measured]) -> str:
    """Milliseconds per update and ratios to sparsebp."""
    rows = []
    for each in measured:
        own = each.seconds["sparsebp"]
        for name, seconds in each.seconds.items():
            ratio = "1" if name == "sparsebp" else _spread(seconds / own)
            updates = str(each.case.updates[name])
            rows.append([each.case.title, _called(name), updates, _spread(seconds * 1e3), ratio])
        limit = each.limit_seconds
        rows.append([each.case.title, "limit", "", _spread(limit * 1e3), _spread(limit / own)])
    heads = ["case", "engine", "updates in a sample", "ms per update", "time / sparsebp's"]
    return _table(heads, rows)


def cases_table(measured: list[Measured]) -> str:
    """What the cases are, and how well the engines agree."""
    rows = []
    for each in measured:
        case = each.case
        rows.append(
            [
                case.title,
                str(case.samples),
                "2, 2",
                ", ".join(map(str, case.student)),
                ", ".join(map(str, case.alphabet)),
                f"{each.configurations:,.4g}" if each.configurations < 1000 else "all",
                f"{len(case.alphabet) ** (case.student[1] * (1 + case.student[0])):,}",
                f"{case.reinforcement:g}" if case.reinforcement else "",
                f"{each.difference:.0e}",
            ]
        )
    heads = [
        "case",
        "samples",
        "non-zeros per row, teacher",
        "student",
        "alphabet",
        "possible configurations per factor",
        "of",
        "r",
        "largest difference",
    ]
    return _table(heads, rows)


def limits_table(measured: list[Measured]) -> str:
    """Work, measured rates, and the distance of sparsebp from the limit."""
    rows = []
    for each in measured:
        kinds = "bandwidth", "rate", "moving", "computing"
        medians = {kind: np.median([getattr(one, kind) for one in each.limits]) for kind in kinds}
        rows.append(
            [
                each.case.title,
                f"{each.work.touched / 2**20:.2f}",
                f"{each.work.moved / 2**20:.2f}",
                f"{medians['bandwidth'] / 1e9:.3g}",
                f"{medians['moving'] * 1e3:.2g}",
                f"{each.work.operations / 1e6:.2g}",
                f"{medians['rate'] / 1e9:.3g}",
                f"{medians['computing'] * 1e3:.2g}",
                _spread(each.seconds["sparsebp"] / each.limit_seconds),
            ]
        )
    heads = [
        "case",
        "MiB touched",
        "MiB moved",
        "GB/s",
        "ms to move",
        "million operations",
        "10⁹ operations/s",
        "ms to compute",
        "sparsebp / limit",
    ]
    return _table(heads, rows)


def machine() -> str:
    """The processor and the versions of what took part."""
    lines = [f"- processor: {processor()}", f"- Python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            lines.append(f"- {library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            lines.append(f"- {library}: not installed, and so not compared")
    return "\n".join(lines)


def processor() -> str:
    """Model name of the processor and its caches, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    found = {key.strip(): value.strip() for key, value in found.items()}
    name = found.get("model name", platform.machine())
    if {"cpu family", "model"} <= found.keys():
        name += f" (family {found['cpu family']}, model {found['model']})"
    caches = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (folder / part).read_text().strip() for part in ("level", "type", "size")
        )
        if kind != "Instruction":
            caches.append(f"L{level} {size.replace('K', ' KiB')}")
    return ", ".join([name, *caches])


def draw(path: Path, measured: list[Measured]) -> None:
    """One line for each case, one mark for each engine and a bar for the limit, over log time."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    colors = dict(zip(MARKERS, sns.color_palette("colorblind"), strict=False))
    figure, ax = plt.subplots(figsize=(7.5, 1.2 + 0.6 * len(measured)), layout="constrained")
    for y, each in enumerate(measured):
        ax.axhline(y, color="0.9", zorder=0)
        for name, seconds in each.seconds.items():
            low, middle, high = np.percentile(seconds * 1e3, (25, 50, 75))
            ax.plot([low, high], [y, y], color=colors[name], lw=1.5)
            ax.plot(
                *(middle, y, MARKERS[name]),
                color=colors[name],
                markeredgecolor="white",
                markersize=9,
                label=_called(name) if y == 0 else None,
            )
        limit = np.median(each.limit_seconds) * 1e3
        ax.plot(limit, y, "|", color="0.2", ms=16, mew=2, label="limit" if y == 0 else None)
    ax.set(xscale="log", xlabel="milliseconds per update of all messages")
    ax.set_yticks(range(len(measured)), [each.case.title for each in measured])
    ax.set_ylim(len(measured) - 0.5, -0.5)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    sns.despine(ax=ax, left=True)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _called(name: str) -> str:
    return PLAIN if name == "plain" else name


def _spread(values: np.ndarray) -> str:
    """Median and, in brackets, the quartiles."""
    low, middle, high = (_number(x) for x in np.percentile(values, (25, 50, 75)))
    return f"{middle} [{low}, {high}]"


def _number(x: float) -> str:
    digits = max(0, 2 - int(np.floor(np.log10(x))))
    return f"{x:,.{digits}f}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
