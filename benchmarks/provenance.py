"""What tools leave of a signed file: ``python -m benchmarks.provenance NODE_FOLDER PYTHON`` prints PROVENANCE.md's table.

NODE_FOLDER is one in which `npm install sharp svgo exiftool-vendored` was run, PYTHON an interpreter with pyoxipng,
imagequant and Pillow. Each tool gets a copy of a file that holds an embedded manifest, the digital source type in its XMP,
and an invisible mark; what it leaves is checked.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.sidecar import Record, Sidecar
from imajin_cli.stages.backends.certificates import new_chain
from imajin_cli.stages.imaging.encode.formats import Drawn, Settings, encode
from imajin_cli.stages.imaging.marking import invisible
from imajin_cli.stages.provenance.claims import Derived, xmp
from imajin_cli.stages.provenance.signing import Sealer
from imajin_cli.stages.provenance.verify import checked

ROOT = Path(__file__).parents[1]
PAYLOAD = b"imjn"
KINDS = {"png": "png", "jpeg": "jpg", "webp": "webp", "avif": "avif"}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><path fill="#123456" d="M1.000 1h60v60z"/></svg>'
MADE = Sidecar(id="a", stages=[Record(stage="generate", version="1", status="changed", key="k")])
_SHARP = "require('sharp')(process.argv[1]){}.toFile(process.argv[2])"
_PILLOW = "from PIL import Image; import sys; Image.open(sys.argv[1]){}.save(sys.argv[2])"
_QUANT = (
    "import imagequant, sys; from PIL import Image; "
    "imagequant.quantize_pil_image(Image.open(sys.argv[1]).convert('RGBA')).save(sys.argv[2])"
)
_OXIPNG = "import oxipng, sys; oxipng.optimize(sys.argv[1], sys.argv[2]{})"
_VERSIONS = "from importlib.metadata import version; import sys; print(version(sys.argv[1]))"
Tool = tuple[str, str, tuple[str, ...], Callable[[Path, Path], list[str]]]


def signed(sealer: Sealer) -> dict[str, bytes]:
    """A signed file of each kind."""
    with Image.open(ROOT / "docs" / "pictures" / "photo.jpg") as photo:
        photo.thumbnail((640, 640))
        image = invisible.mark(photo.convert("RGB"), PAYLOAD).image
    settings = Settings(xmp=xmp("algorithmicMedia"), jpeg_quality=90)
    plain = {kind: encode(Drawn(image, settings), kind, settings).data for kind in KINDS} | {"svg": SVG}
    return {
        kind: sealer.seal(data, kind, f"x.{kind}", MADE, Derived((1, 1), (1, 1))).data for kind, data in plain.items()
    }


def tools(node: Path, python: str) -> Iterator[Tool]:
    """Each tool: its name, version, the kinds that it takes, and its command."""

    def run(code: str) -> Callable[[Path, Path], list[str]]:
        return lambda source, target: [python, "-c", code, str(source), str(target)]

    def javascript(code: str) -> Callable[[Path, Path], list[str]]:
        return lambda source, target: ["node", "-e", code, str(source), str(target)]

    def of_python(name: str) -> str:
        return subprocess.run(
            [python, "-c", _VERSIONS, name], capture_output=True, text=True, check=True
        ).stdout.strip()

    def of_node(name: str) -> str:
        return json.loads((node / "node_modules" / name / "package.json").read_text())["version"]

    every = tuple(KINDS)
    yield "nothing", "", (*every, "svg"), lambda source, target: ["cp", str(source), str(target)]
    oxipng = f"pyoxipng {of_python('pyoxipng')}"
    yield "oxipng, as it is", oxipng, ("png",), run(_OXIPNG.format(""))
    yield "oxipng --strip safe", oxipng, ("png",), run(_OXIPNG.format(", strip=oxipng.StripChunks.safe()"))
    yield "oxipng --strip all", oxipng, ("png",), run(_OXIPNG.format(", strip=oxipng.StripChunks.all()"))
    yield "pngquant's library", f"imagequant {of_python('imagequant')}", ("png",), run(_QUANT)
    yield "Pillow: open, save", f"Pillow {of_python('pillow')}", every, run(_PILLOW.format(""))
    yield "Pillow: resize by half", f"Pillow {of_python('pillow')}", every, run(_PILLOW.format(".reduce(2)"))
    sharp = f"sharp {of_node('sharp')}"
    yield "sharp: open, save", sharp, every, javascript(_SHARP.format(""))
    yield "sharp: keepMetadata", sharp, every, javascript(_SHARP.format(".keepMetadata()"))
    yield "sharp: resize by half", sharp, every, javascript(_SHARP.format(".resize({width: 320})"))
    svgo = [str(node / "node_modules" / ".bin" / "svgo")]
    yield "svgo", f"svgo {of_node('svgo')}", ("svg",), lambda source, target: [*svgo, str(source), "-o", str(target)]
    exiftool = ["perl", str(node / "node_modules" / "exiftool-vendored.pl" / "bin" / "exiftool")]
    version = (
        f"exiftool {subprocess.run([*exiftool, '-ver'], capture_output=True, text=True, check=True).stdout.strip()}"
    )
    for name, options in (("exiftool -all=", ["-all="]), ("exiftool -XMP:Title=x", ["-XMP:Title=x"])):
        yield name, version, every, lambda source, target, o=options: [*exiftool, *o, "-o", str(target), str(source)]


def left(data: bytes, kind: str) -> tuple[str, str, str]:
    """What is left: the manifest's status, the source type in the XMP, the invisible mark."""
    try:
        found = checked(data, None, None, None)
    except InputError:
        return "no picture", "", ""
    status = found.status + (f" ({found.failures[-1]})" if found.status == "tampered" and found.failures else "")
    if kind == "svg":
        return status, "", ""
    with Image.open(io.BytesIO(data)) as image:
        read = invisible.read(image.convert("RGB"))
    return (
        status,
        "kept" if b"digitalsourcetype/" in data else "gone",
        "read" if read is not None and read[0].payload == PAYLOAD else "not read",
    )


def main() -> None:
    """Print the table."""
    node, python = Path(sys.argv[1]).absolute(), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        for name, data in new_chain("Example").items():
            Path(folder, name).write_bytes(data)
        sealer = Sealer(ProvenanceParams(certificate=f"{folder}/chain.pem", key=f"{folder}/key.pem", embed="always"))
        files = signed(sealer)
        print("| tool | version | file | manifest | source type | invisible mark |")
        print("|" + " --- |" * 6)
        for name, version, kinds, command in tools(node, python):
            for kind in kinds:
                source, target = (
                    Path(folder, f"in.{KINDS.get(kind, kind)}"),
                    Path(folder, f"out.{KINDS.get(kind, kind)}"),
                )
                source.write_bytes(files[kind])
                target.unlink(missing_ok=True)
                done = subprocess.run(command(source, target), capture_output=True, text=True, cwd=node, timeout=120)
                last = (done.stderr.strip().splitlines() or ["failed"])[-1][:60]
                row = left(target.read_bytes(), kind) if target.exists() else (f"refused: {last}", "", "")
                print("| " + " | ".join((name, version, kind, *row)) + " |", flush=True)


if __name__ == "__main__":
    main()
