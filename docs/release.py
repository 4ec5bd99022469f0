"""A release: a complete run with its report and its sources, packed for an archive.

    python -m docs.release build/release

run in the project's folder as the last step of ``make release``, writes a folder and a ZIP file of
it, sparsebp-VERSION, with

- the results, tables, figures, verdicts and the report of the run, and the sources at its commit;
- SHA256SUMS, which `sha256sum --check` reads;
- ro-crate-metadata.json, what each file is, for machines (RO-Crate);
- .zenodo.json, what Zenodo asks for, from CITATION.cff.

It refuses, with all reasons, where anything is missing, not committed, or not what the sources and
the configuration here would make.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import yaml
from rocrate.model.person import Person
from rocrate.rocrate import ROCrate

from docs import fill, write_gallery
from sparsebp.storage import paths
from sparsebp.storage.atomic import written_whole
from sparsebp.study import inspection

REPORT = "report.zip"
SOURCES = "sources.tar.gz"
SUMS, ZENODO = "SHA256SUMS", ".zenodo.json"
KINDS = {
    "results/*.nc": "All errors of an experiment, with their provenance (NetCDF)",
    "results/*.csv": "The errors of an experiment as a table",
    "results/*.json": "Verdicts on the claims, or named numbers, with their provenance",
    "results/*.md": "The verdicts to read",
    "results/*.png": "The verdicts as a picture",
    "results/*.html": "Pages of the report",
    "figures/*": "A figure, with its provenance",
    REPORT: "The report: unpack it and open report.html",
}
"""What goes into a release, and what it is."""


def git(root: Path, *arguments: str) -> str:
    """What a command of Git prints in a folder."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


# What stands in the way.


def refusals(root: Path) -> list[str]:
    """Why there can be no release of what is in a folder, each in a line; none if there can."""
    changed = [line[3:] for line in git(root, "status", "--porcelain").splitlines()]
    found = [f"{name}: not committed" for name in changed]
    found += stale_run(root)
    if not found:  # Pages can be compared with a run that is there.
        found += stale_pages(root)
    return found + stale_report(root)


def stale_run(root: Path) -> list[str]:
    """What Snakemake would still run."""
    ran = subprocess.run(["sparsebp", "why"], cwd=root, capture_output=True, text=True)
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if line]
    if ran.returncode == 0 and said[0].startswith("Nothing to do"):
        return []
    return [f"the run: {line}" for line in said]


def stale_pages(root: Path) -> list[str]:
    """Pages and pictures that are not of this run."""
    study, claims = inspection.load(root)
    found = fill.source_mismatches(study, fill.kept(root))
    for name in study.figures:
        png = root / paths.FIGURE.format(figure=name, format="png")
        shown = root / write_gallery.GALLERY / png.name
        if not shown.exists() or shown.read_bytes() != png.read_bytes():
            found.append(f"{shown.relative_to(root)}: not the figure of this run")
    explored = write_gallery.lines(write_gallery.explored(root / paths.EXPLORER)).encode()
    for name, made in (
        (write_gallery.EXPLORER, explored),
        (write_gallery.PICTURE, (root / paths.VERDICTS_FIGURE).read_bytes()),
    ):
        kept = root / name
        if not kept.exists() or kept.read_bytes() != made:
            found.append(f"{name}: not of this run")
    written = write_gallery.pages(root, study, claims), fill.pages(root, fill.kept(root))
    texts = [pair for pages in written for pair in pages.items()]
    stale = {path for path, text in texts if path.read_text(encoding="utf-8") != text}
    return found + [f"{path.relative_to(root)}: not of this run" for path in sorted(stale)]


def stale_report(root: Path) -> list[str]:
    """Whether the report is there, and no older than what it shows."""
    report = root / REPORT
    if not report.exists():
        return [f"{REPORT}: missing"]
    made = report.stat().st_mtime
    shown = [path for pattern in KINDS for path in root.glob(pattern) if path != report]
    newer = sorted(path for path in shown if path.stat().st_mtime > made)
    return [f"{REPORT}: older than {newer[0].relative_to(root)}"] if newer else []


# What goes into it.


def pack(root: Path, folder: Path) -> Path:
    """Write a release of what is in a project's folder, whatever state it is in.

    Args:
        folder: for the release; what stands there is replaced.

    Returns:
        The ZIP file, beside the folder.
    """
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    commit = git(root, "rev-parse", "HEAD").strip()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    crate = ROCrate()
    crate.name = f"{cited['title']} {cited['version']}: all results of the study"
    crate.description, crate.license = cited["abstract"], cited["license"]
    crate.creator = [
        crate.add(Person(crate, f"#{author['name']}", properties={"name": author["name"]}))
        for author in cited["authors"]
    ]
    for pattern, words in KINDS.items():
        for path in sorted(root.glob(pattern)):
            crate.add_file(path, str(path.relative_to(root)), properties={"description": words})
    sources = folder / SOURCES
    git(root, "archive", "--format=tar.gz", f"--output={sources.absolute()}", commit)
    crate.add_file(sources, SOURCES, properties={"description": f"The sources, commit {commit}"})
    (folder / ZENODO).write_text(json.dumps(zenodo(cited), indent=2) + "\n", encoding="utf-8")
    crate.add_file(folder / ZENODO, ZENODO, properties={"description": "For Zenodo"})
    crate.write(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = [f"{_sha256(path)}  {path.relative_to(folder)}\n" for path in files]
    (folder / SUMS).write_text("".join(sums), encoding="utf-8")
    archive = folder.with_name(f"{folder.name}.zip")
    with written_whole(archive) as part, ZipFile(part, "w", ZIP_DEFLATED) as file:
        for path in [*files, folder / SUMS]:
            file.write(path, path.relative_to(folder.parent))
    return archive


def zenodo(cited: dict) -> dict:
    """The metadata of a deposit on Zenodo, from CITATION.cff."""
    thesis = cited["references"][0]
    author = thesis["authors"][0]
    return {
        "title": cited["title"],
        "version": cited["version"],
        "upload_type": "software",
        "description": cited["abstract"],
        "creators": [{"name": author["name"]} for author in cited["authors"]],
        "license": cited["license"],
        "access_right": "open",
        "references": [
            f"{author['family-names']}, {author['given-names']}: {thesis['title']}. "
            f"{thesis['thesis-type']}, {thesis['institution']['name']}, {thesis['year']}."
        ],
    }


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit status: 1 with lines on stderr for what is not right."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.release", description="Pack a complete run for an archive."
    )
    parser.add_argument("folder", type=Path, help="where to put the release")
    options, root = parser.parse_args(arguments), Path()
    try:
        wrong = refusals(root)
        if not wrong:
            cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
            print(pack(root, options.folder / f"{cited['title']}-{cited['version']}"))
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        wrong = [str(error)]
    for line in wrong:
        print(f"release: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
