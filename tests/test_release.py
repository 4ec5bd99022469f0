"""A release: what it holds, and what it refuses."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from zipfile import ZipFile

import pytest
import yaml

from docs import release
from tests.configurations import ROOT

MADE = {
    "results/one.nc": "numbers",
    "results/one.csv": "a table",
    "results/verdicts.json": "{}",
    "figures/fig.pdf": "a figure",
    "report.zip": "a report",
}


@pytest.fixture
def project(tmp_path):
    """A folder under version control, with files that look like those of a run."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy2(ROOT / "CITATION.cff", folder)
    (folder / ".gitignore").write_text("results\nfigures\nreport.zip\n")
    for name, text in MADE.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "results/one").mkdir()
    (folder / "results/one/teacher.nc").write_text("of one simulation, which stays here")
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "One"),
    ):
        release.git(folder, *command)
    return folder


def test_a_release_holds_what_was_made_with_its_sources_and_sums(project, tmp_path):
    archive = release.pack(project, tmp_path / "out/sparsebp-1")
    assert archive == tmp_path / "out/sparsebp-1.zip"
    assert sorted(path.name for path in archive.parent.iterdir()) == ["sparsebp-1", archive.name]
    with ZipFile(archive) as file:
        file.extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked/sparsebp-1"
    for name, text in MADE.items():
        assert (folder / name).read_text() == text
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    more = {"SHA256SUMS", "ro-crate-metadata.json", ".zenodo.json", "sources.tar.gz"}
    assert files == MADE.keys() | more
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True
    )
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in lines} == files - {"SHA256SUMS"}
    assert hashlib.sha256(b"a table").hexdigest() in {line.split()[0] for line in lines}
    with tarfile.open(folder / "sources.tar.gz") as sources:
        assert set(sources.getnames()) == {".gitignore", "CITATION.cff"}


def test_the_crate_says_what_each_file_is_and_of_which_commit(project, tmp_path):
    release.pack(project, tmp_path / "out")
    crate = json.loads((tmp_path / "out/ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    assert parts == MADE.keys() | {".zenodo.json", "sources.tar.gz"}
    assert all(entities[part]["description"] for part in parts)
    commit = release.git(project, "rev-parse", "HEAD").strip()
    assert commit in entities["sources.tar.gz"]["description"]


def test_zenodo_is_told_what_the_citation_says(project, tmp_path):
    release.pack(project, tmp_path / "out")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    told = json.loads((tmp_path / "out/.zenodo.json").read_text())
    assert (told["title"], told["version"]) == (cited["title"], cited["version"])
    assert told["creators"] == [{"name": author["name"]} for author in cited["authors"]]
    assert cited["references"][0]["title"] in told["references"][0]


def test_a_second_release_replaces_the_first(project, tmp_path):
    release.pack(project, tmp_path / "out/a")
    (project / "results/one.csv").unlink()
    archive = release.pack(project, tmp_path / "out/a")
    with ZipFile(archive) as file:
        assert "a/results/one.csv" not in file.namelist()
        assert "a/results/one.nc" in file.namelist()


def test_a_report_that_is_missing_or_older_than_what_it_shows_is_refused(project):
    assert release.stale_report(project) == []
    os.utime(project / "report.zip", (1, 1))
    assert release.stale_report(project) == ["report.zip: older than figures/fig.pdf"]
    (project / "report.zip").unlink()
    assert release.stale_report(project) == ["report.zip: missing"]


def test_what_is_not_committed_is_refused(project, monkeypatch):
    for name in ("stale_run", "stale_pages"):
        monkeypatch.setattr(release, name, lambda root: [])
    assert release.refusals(project) == []
    (project / "new.txt").write_text("")
    (project / "CITATION.cff").write_text("")
    assert release.refusals(project) == ["CITATION.cff: not committed", "new.txt: not committed"]


def test_a_folder_without_a_study_is_refused_in_one_line(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    assert release.main(["out"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said
    assert all(line.startswith("release: ") for line in said)
    assert not (project / "out").exists()
