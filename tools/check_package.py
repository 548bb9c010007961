"""Check what users install: the wheel and its metadata, alone beside NumPy, and the source distribution.

Usage: python tools/check_package.py path/to/ionlink-*.whl
"""
# ruff: noqa: T201 (a script prints)

import email
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_WHEEL_BYTES = 4_000_000
PROBE = """
import ionlink
link = ionlink.presets.load("stephenson2020")
run = link.sample(heralds=10, seed=7)
assert len(run.attempt) == 10, run
print(ionlink.__version__)
"""


def main() -> None:
    """Check one wheel and the source distribution of this tree."""
    wheel = Path(sys.argv[1]).resolve()
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as folder:
        check_install(Path(folder) / "from-wheel", wheel)
        print("ok: the wheel runs beside NumPy alone")
        sdist = source_distribution(Path(folder))
        check_install(Path(folder) / "from-sdist", sdist)
        print(f"ok: {sdist.name} builds, installs and runs")


def check_contents(wheel: Path) -> None:
    """Size, requirements and files of the wheel."""
    size = wheel.stat().st_size
    if size >= MAX_WHEEL_BYTES:
        sys.exit(f"{wheel.name} has {size} bytes, more than {MAX_WHEEL_BYTES}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata_name,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(metadata_name))
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    if len(required) != 1 or not required[0].startswith("numpy"):
        sys.exit(f"{wheel.name} requires {required}, should require NumPy only")
    for needed in ("ionlink/__init__.py", "ionlink/_core.pyi", "ionlink/py.typed"):
        if needed not in names:
            sys.exit(f"{wheel.name} lacks {needed}")
    if not any("licenses/LICENSE" in name for name in names):
        sys.exit(f"{wheel.name} lacks the license")
    strange = [name for name in names if not name.startswith(("ionlink/", "ionlink-"))]
    if strange:
        sys.exit(f"{wheel.name} puts files beside the package: {strange}")
    print(f"ok: {wheel.name}, {size / 1e6:.2f} MB, requires {required[0]}")


def source_distribution(folder: Path) -> Path:
    """Build the source distribution and return its path."""
    run(sys.executable, "-m", "maturin", "sdist", "--out", str(folder), cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    return sdist


def check_install(environment: Path, package: Path) -> None:
    """Install into an empty environment, then sample there, away from the sources."""
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--quiet", str(package), cwd=environment)
    listed = run(str(python), "-m", "pip", "list", "--format=freeze", cwd=environment).split()
    packages = {line.split("==")[0].split("@")[0].lower() for line in listed}
    others = packages - {"ionlink", "numpy", "pip", "setuptools", "wheel"}
    if others:
        sys.exit(f"installing {package.name} also installed {sorted(others)}")
    run(str(python), "-c", PROBE, cwd=environment)


def run(*command: str, cwd: Path) -> str:
    """Run a command, show its output only when it fails."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    main()
