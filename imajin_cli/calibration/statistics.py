"""Error rates and areas under curves with 95 % intervals, out of the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from imajin_cli.contract.calibration import Rate

_Z = 1.959963984540054
_TAIL = 0.025
_TINY = 1e-300


def share(hits: int, total: int) -> Rate:
    """``hits`` of ``total`` with the exact interval of Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404).

    Raises ValueError where ``hits`` is not within 0 and ``total``, or there is nothing to count.
    """
    if not 0 <= hits <= total or total == 0:
        raise ValueError(f"{hits} of {total} is no share")
    low = 0.0 if hits == 0 else _solve(lambda p: incomplete_beta(hits, total - hits + 1, p) < _TAIL)
    high = 1.0 if hits == total else _solve(lambda p: incomplete_beta(hits + 1, total - hits, p) < 1 - _TAIL)
    return Rate(value=hits / total, low=low, high=high)


def _solve(under: Callable[[float], bool]) -> float:
    """Where ``under`` turns false on 0..1, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if under(middle) else (low, middle)
    return low


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, Lentz's method)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = value
        for step in (even, odd):
            d = 1 / _away(1 + step * d)
            c = _away(1 + step / c)
            value *= c * d
        if abs(value - before) < 1e-14 * abs(value):
            break
    return value


def _away(value: float) -> float:
    """``value``, kept off zero."""
    return value if abs(value) > _TINY else _TINY


def area(good: Sequence[float], bad: Sequence[float]) -> Rate:
    """The area under the ROC curve: how often one of ``good`` scores above one of ``bad``, ties counting half.

    The interval is DeLong's (DeLong et al. 1988, doi:10.2307/2531595; by ranks as in Sun and Xu 2014,
    doi:10.1109/LSP.2014.2337313) on the logit scale. Where the two do not overlap its variance is zero, and Newcombe's
    (2006, doi:10.1002/sim.2324, his method 5) stands in. Raises ValueError for fewer than two of either.
    """
    if min(len(good), len(bad)) < 2:
        raise ValueError("a curve takes at least two scores of either kind")
    m, n = len(good), len(bad)
    both, own, other = midranks([*good, *bad]), midranks(good), midranks(bad)
    over = [(both[i] - own[i]) / n for i in range(m)]
    under = [1 - (both[m + j] - other[j]) / m for j in range(n)]
    value = sum(over) / m
    variance = _variance(over) / m + _variance(under) / n
    if variance <= 0 or not 0 < value < 1:
        return _newcombe(value, m, n)
    spread = _Z * math.sqrt(variance) / (value * (1 - value))
    logit = math.log(value / (1 - value))
    return Rate(value=value, low=_logistic(logit - spread), high=_logistic(logit + spread))


def midranks(values: Sequence[float]) -> list[float]:
    """Each value's rank from 1 on; equal values share their mean rank."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for i in order[start:end]:
            ranks[i] = (start + 1 + end) / 2
        start = end
    return ranks


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _newcombe(value: float, m: int, n: int) -> Rate:
    """The interval of areas whose own standard error, for ``m`` and ``n`` scores, reaches to ``value``."""
    middle = (m + n) / 2 - 1

    def error(area: float) -> float:
        more = middle * ((1 - area) / (2 - area) + area / (1 + area))
        return _Z * math.sqrt(area * (1 - area) * (1 + more) / (m * n))

    low = 0.0 if value <= 0 else _between(0.0, value, lambda area: value - area > error(area))
    high = 1.0 if value >= 1 else _between(value, 1.0, lambda area: area - value <= error(area))
    return Rate(value=value, low=low, high=high)


def _between(low: float, high: float, under: Callable[[float], bool]) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if under(middle) else (low, middle)
    return low
