"""A drawing in motion as SVG text: with CSS that a browser plays, or standing as it stands at a moment."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence

from imajin_cli.stages.imaging.motion.model import LINEAR, REST, Motion, Pose, Track
from imajin_cli.stages.imaging.svgtree import SVG, Node
from imajin_cli.stages.scene.bounds import shape_points

_NAMES = "abcdefghijklmnopqrstuvwxyz"
# The light of a shimmer: how much white at its middle, and where its band begins and ends.
_LIGHT, _BAND = 0.45, (0.3, 0.5, 0.7)
# What a path's control polygon is longer than the path by, so that a dash of its length hides all of it.
_SURE = 1.05


class Animated:
    """``root`` in ``motion``. ``layers`` are its named groups in painting order; a name may come twice.

    ``moves`` says whether anything does: a motion that draws lines needs lines.
    """

    def __init__(self, root: Node, layers: Sequence[tuple[str, Node]], motion: Motion, size: tuple[int, int]) -> None:
        places = [root.content.index(node) for _, node in layers]
        self.root = copy.deepcopy(root)
        self.size = size
        self.motion = motion
        self._layers: list[tuple[str, Node]] = []
        for (name, _), place in zip(layers, places, strict=True):
            node = self.root.content[place]
            if isinstance(node, Node):
                self._layers.append((name, node))
        self._parts: list[tuple[Track, list[Node], float]] = []
        for track in sorted(motion.tracks, key=lambda track: track.item is None):
            self._stage(track)

    @property
    def moves(self) -> bool:
        """Whether there is a part that moves."""
        return bool(self._parts)

    def _stage(self, track: Track) -> None:
        """Put a group of its own around what ``track`` moves."""
        length = 0.0
        found: list[Node] = []
        if "drawn" in track.moved():
            length = max((_length(node) for _, node in self._targets(track)), default=0.0) * _SURE
            if not length:
                return
        for parent, node in self._targets(track):
            place = next(i for i, item in enumerate(parent.content) if item is node)
            if track.shines:
                light = self._light(node)
                parent.content.insert(place + 1, light[0])
                found.append(light[1])
                continue
            wrapper = Node(SVG, "g", {}, [node])
            parent.content[place] = wrapper
            found.append(wrapper)
        if found:
            self._parts.append((track, found, math.ceil(length)))

    def _targets(self, track: Track) -> list[tuple[Node, Node]]:
        """(parent, node) of each element that the track is for."""
        groups = [node for name, node in self._layers if name == track.name]
        if track.item is None:
            return [(self._parent(group), group) for group in groups]
        items = [(group, child) for group in groups for child in group.children()]
        return items[track.item : track.item + 1]

    def _parent(self, node: Node) -> Node:
        return next(one for one in self.root.walk() if any(item is node for item in one.content))

    def _light(self, node: Node) -> tuple[Node, Node]:
        """A light over ``node`` (the group to add), seen where the node is, and the rectangle of it that moves."""
        width, height = self.size
        name = f"m{sum(one.name == 'mask' for one in self.root.walk())}"
        if not any(one.name == "linearGradient" and one.get("id") == "shine" for one in self.root.walk()):
            stops = [
                Node(SVG, "stop", {("", "offset"): f"{at:g}", ("", "stop-color"): "#fff", ("", "stop-opacity"): light})
                for at, light in zip(_BAND, ("0", f"{_LIGHT:g}", "0"), strict=True)
            ]
            self.root.content.insert(0, Node(SVG, "linearGradient", {("", "id"): "shine"}, [*stops]))
        box = {("", "x"): "0", ("", "y"): "0", ("", "width"): str(width), ("", "height"): str(height)}
        seen = {("", "id"): name, ("", "mask-type"): "alpha", ("", "maskUnits"): "userSpaceOnUse", **box}
        mask = Node(SVG, "mask", seen, [copy.deepcopy(node)])
        rect = Node(SVG, "rect", {**box, ("", "x"): str(-width), ("", "fill"): "url(#shine)"})
        moved = Node(SVG, "g", {}, [rect])
        return Node(SVG, "g", {}, [mask, Node(SVG, "g", {("", "mask"): f"url(#{name})"}, [moved])]), moved

    def frame(self, seconds: float) -> Node:
        """The drawing as it stands at ``seconds``; good until the next call."""
        for track, nodes, length in self._parts:
            pose = track.pose(seconds)
            for node in nodes:
                node.attributes = _attributes(track, pose, length)
        return self.root

    def styled(self) -> Node:
        """The drawing at rest, with a style sheet that moves it, except for those who want no motion."""
        rules: list[str] = []
        frames: dict[str, str] = {}
        for at, (track, nodes, length) in enumerate(self._parts):
            keys = _keyframes(track, length)
            key = frames.setdefault(keys, _name(len(frames)))
            name = f"m{_name(at)}"
            rules.append(f".{name}{{{_animation(track, key)}}}")
            for node in nodes:
                node.attributes = {("", "class"): name}
                if length:
                    node.attributes["", "stroke-dasharray"] = f"{length:g}"
        moves = "".join(f"@keyframes {name}{{{keys}}}" for keys, name in frames.items())
        css = f"{moves}@media (prefers-reduced-motion:no-preference){{{''.join(rules)}}}"
        root = copy.deepcopy(self.root)
        root.content.insert(0, Node(SVG, "style", {}, [css]))
        return root


def _animation(track: Track, key: str) -> str:
    ease = "linear" if track.ease == LINEAR else f"cubic-bezier({','.join(f'{value:g}' for value in track.ease)})"
    delay = f" {-track.phase * track.period:g}s" if track.phase else ""
    origin = f";transform-origin:{track.origin[0]:g}px {track.origin[1]:g}px" if _turns(track) else ""
    return f"animation:{key} {track.period:g}s {ease}{delay} infinite{origin}"


def _turns(track: Track) -> bool:
    return bool(track.moved() & {"turn", "wide", "high"})


def _keyframes(track: Track, length: float) -> str:
    """The track's keys as CSS: every property that ever moves, in each key, so that nothing is left to be guessed."""
    return "".join(f"{key.at * 100:g}%{{{';'.join(_declared(track, key.pose, length))}}}" for key in track.keys)


def _declared(track: Track, pose: Pose, length: float) -> Iterator[str]:
    moved = track.moved()
    steps = []
    if moved & {"x", "y"}:
        steps.append(f"translate({pose.x:g}px,{pose.y:g}px)")
    if "turn" in moved:
        steps.append(f"rotate({pose.turn:g}deg)")
    if moved & {"wide", "high"}:
        steps.append(f"scale({pose.wide:g},{pose.high:g})")
    if steps:
        yield f"transform:{' '.join(steps)}"
    if "opacity" in moved:
        yield f"opacity:{pose.opacity:g}"
    if "drawn" in moved:
        yield f"stroke-dashoffset:{length * (1 - pose.drawn):g}"


def _attributes(track: Track, pose: Pose, length: float) -> dict[tuple[str, str], str]:
    """The same as SVG attributes."""
    moved = track.moved()
    x, y = track.origin
    steps = []
    if moved & {"x", "y"}:
        steps.append(f"translate({pose.x:.6g} {pose.y:.6g})")
    if _turns(track):
        steps.append(
            f"translate({x:g} {y:g}) rotate({pose.turn:.6g}) scale({pose.wide:.6g} {pose.high:.6g}) translate({-x:g} {-y:g})"
        )
    found = {("", "transform"): " ".join(steps)} if steps else {}
    if pose.opacity != REST.opacity:
        found["", "opacity"] = f"{max(0.0, pose.opacity):.6g}"
    if length:
        found["", "stroke-dasharray"] = f"{length:g}"
        found["", "stroke-dashoffset"] = f"{length * (1 - pose.drawn):.6g}"
    return found


def _length(node: Node, stroke: str = "none") -> float:
    """The length of the longest line drawn in ``node``, in its own units, never too short: that of its control polygon."""
    stroke = node.get("stroke") or stroke
    longest = max((_length(child, stroke) for child in node.children()), default=0.0)
    if stroke == "none":
        return longest
    values = {name: value for (_, name), value in node.attributes.items()}
    points = shape_points(node.name, values)
    if not points:
        return longest
    return max(longest, sum(math.dist(a, b) for a, b in zip(points, [*points[1:], points[0]], strict=True)))


def _name(at: int) -> str:
    return _NAMES[at % 26] + (str(at // 26) if at >= 26 else "")
