"""What the contract costs over a plain loop of the same functions with the same file reads and writes."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.timing import interleaved

ROOT = Path(__file__).parents[1]
COUNT = 40


@contextlib.contextmanager
def pictures(count: int) -> Iterator[list[Path]]:
    """``count`` different 512 px PNGs with soft shapes in them, in a folder of their own."""
    import numpy as np
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i in range(count):
            y, x = np.mgrid[0:512, 0:512]
            waves = [np.sin(x / (9 + i % 7) + c) + np.cos(y / (11 + i % 5) - c) for c in range(3)]
            image = Image.fromarray(np.uint8(np.stack(waves, -1) * 60 + 128))
            paths.append(Path(folder) / f"p{i}.png")
            image.save(paths[-1], "PNG")
        yield paths


def drain(results: Iterable[object]) -> None:
    """Go through ``results`` as a stage's command does: one is dropped before the next is made."""
    for _ in results:
        pass


def measure(count: int = COUNT, repeats: int = 12) -> dict[str, float]:
    """Ratio for a transform; milliseconds an image for a gate."""
    sys.path.insert(0, str(ROOT / "tests" / "plugins"))
    from PIL import Image

    from imajin_cli.contract.picture import Picture
    from imajin_cli.contract.sidecar import ParamValue, Sidecar
    from imajin_cli.contract.stage import Asset
    from imajin_cli.run.execute import Bound
    from imajin_cli.run.png import encode_png
    from imajin_cli.run.report import Report
    from imajin_cli.run.single import Worker
    from imajin_cli.run.store import Store, decode_picture
    from imajin_fakes import Bright, BrightParams, Tint, TintParams

    with pictures(count) as paths:
        folder = paths[0].parent
        tint, bright = Tint(TintParams()), Bright(BrightParams(threshold=1))
        sample = b"{" + b" " * 1500 + b"}"

        def fresh(name: str) -> Path:
            target = folder / name
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            return target

        def forget() -> None:
            for path in folder.glob("*.json"):
                path.unlink()

        def plain_transform() -> None:
            target = fresh("plain")
            for path in paths:
                image = decode_picture(path, path.read_bytes()).image
                beside = path.with_name(path.name + ".json")
                if beside.exists():
                    beside.read_bytes()
                outcome = tint.apply(Asset(Sidecar(id="x"), Picture.of(image)))
                (target / path.name).write_bytes(encode_png(outcome.picture.image))
                (target / (path.name + ".json")).write_bytes(sample)

        def contract_transform() -> None:
            store = Store(fresh("contract"))
            bound = Bound("tint", tint, {k: ParamValue(value=v) for k, v in tint.params.model_dump().items()})
            drain(Worker(bound, store, Report("tint")).results(store.open(str(path)) for path in paths))

        def plain_gate() -> None:
            for path in paths:
                image = decode_picture(path, path.read_bytes()).image
                beside = path.with_name(path.name + ".json")
                if beside.exists():
                    beside.read_bytes()
                bright.apply(Asset(Sidecar(id="x"), Picture.of(image)))
                (folder / "plain" / (path.name + ".json")).write_bytes(sample)

        def contract_gate(threshold: float = 1) -> None:
            gate = Bright(BrightParams(threshold=threshold))
            bound = Bound("bright", gate, {k: ParamValue(value=v) for k, v in gate.params.model_dump().items()})
            store = Store()
            drain(Worker(bound, store, Report("bright")).results(store.open(str(path)) for path in paths))

        def with_a_first_record() -> None:
            forget()
            contract_gate(2)

        Image.init()
        variants = {"plain": plain_transform, "contract": contract_transform}
        unseen = interleaved(variants, repeats, before=forget)
        contract_gate()
        transform = interleaved(variants, repeats)
        variants = {"plain": plain_gate, "contract": contract_gate}
        first = interleaved(variants, repeats, before=forget)
        gate = interleaved(variants, repeats, before=with_a_first_record)
    return {
        "transform, contract over plain loop": transform["contract"] / transform["plain"],
        "transform of a picture never seen before, contract over plain loop": unseen["contract"] / unseen["plain"],
        "transform, plain ms an image": transform["plain"] / count * 1000,
        "gate, contract's own ms an image": (gate["contract"] - gate["plain"]) / count * 1000,
        "gate on a picture never seen before, contract's own ms an image": (first["contract"] - first["plain"])
        / count
        * 1000,
        "gate, plain ms an image": gate["plain"] / count * 1000,
    }


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.3f}")
