"""The programs behind docs/growth.md and docs/density.md, on small networks."""

import numpy as np
import pytest

import sparsebp as sb
from speed import density, growth
from speed.measure import Case


def lines(page, header):
    """The rows of the first table of this header, as dicts."""
    table = page.read_text().partition("| " + " | ".join(header) + " |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.mark.thorough
def test_growth_has_a_row_for_every_size(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["", "--neurons", "12", "30", "--docs", str(tmp_path)])
    growth.main()
    page, picture = tmp_path / "growth.md", tmp_path / "growth.png"
    rows = lines(page, [column.format(threads=2) for column in growth.HEADER])
    assert [row["N"] for row in rows] == ["12", "30"]
    for row, size in zip(rows, (12, 30), strict=True):
        teacher = sb.draw_teacher(size, 2, entropy=1, drawing="matching")
        samples = sb.draw_samples(teacher, sb.tanh(b=0.1), 2, entropy=1)
        student = sb.Student.knowing(teacher, activation=sb.tanh(b=0.1))
        fit = sb.fit(student, *samples, sb.Learner("sum-product"))
        wrong = [  # of tied weights the page takes the first
            np.choose(part.argmax(axis=-1), (-1, 1)) != layer.weights
            for part, layer in zip(fit.marginals, teacher, strict=True)
        ]
        assert row["weight error"] == f"{np.mean(wrong):.4f}"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.thorough
def test_density_has_a_row_for_every_case(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["", "--docs", str(tmp_path)])
    matched = [Case(20, 4, max_steps=20), Case(20, 20, (7, 7), (7, 7), memory_gib=1)]
    ternary = [Case(12, 4, (2, 2), (2, 3), (-1, 0, 1), True, 20)]
    monkeypatch.setattr(density, "MATCHED", matched)
    monkeypatch.setattr(density, "COMPARED", matched[:1])
    monkeypatch.setattr(density, "TERNARY", ternary)
    density.main()
    page = tmp_path / "density.md"
    first, refused = lines(page, density.HEADER)
    assert (first["N"], first["configurations per factor"]) == ("20", "8^2 = 64")
    assert refused["left per factor"].startswith("refused: ")
    assert "{" not in page.read_text().replace("{-1, 1}", "").replace("{-1, 0, 1}", "")
