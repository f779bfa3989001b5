"""Cells of networks on the square from (-2, -2) to (2, 2) in rational arithmetic."""

import itertools
from fractions import Fraction

import numpy as np

SQUARE = [(Fraction(x), Fraction(y)) for x, y in ((-2, -2), (2, -2), (2, 2), (-2, 2))]
# On each cell the signal is h(x, y) = a + b x + c y, rows of three.
INPUT = np.vectorize(Fraction)(np.eye(3, 2, -1).astype(int))


def exact(arrays):
    return tuple(np.vectorize(Fraction)(a.astype(object)) for a in arrays)


def cells_of_relus(layers):
    """Find the areas of all cells of a relu network, the last layer linear."""
    pieces = [(SQUARE, INPUT)]
    for w, b in map(exact, layers[:-1]):
        split = []
        for polygon, h in pieces:
            z = h @ w
            z[0] += b
            parts = [polygon]
            for line in z.T:
                parts = [half for part in parts for half in halves(part, line)]
            for part in parts:
                x, y = (sum(p[i] for p in part) / len(part) for i in (0, 1))
                on = z[0] + x * z[1] + y * z[2] > 0
                split.append((part, np.where(on, z, Fraction(0))))
        pieces = split
    return sorted(float(area(polygon)) for polygon, _ in pieces)


def cells_of_maxima(steps):
    """Find areas and corners of the cells of a network, each cut out by half-planes.

    A step is weights, biases, of which of the results each unit is the largest, and 1, or -1 for
    the smallest.
    """
    pieces = [(SQUARE, INPUT)]
    for w, b, windows, sign in steps:
        w, b = exact((w, b))
        split = []
        for polygon, h in pieces:
            z = h @ w
            z[0] += b
            parts = [(polygon, [])]
            for window in windows:
                parts = [
                    (piece, [*won, sign * np.array(line)])
                    for part, won in parts
                    for piece, line in pieces_of_largest(part, sign * z[:, window])
                ]
            split += [(part, np.stack(won, axis=1)) for part, won in parts]
        pieces = split
    return sorted(float(area(p)) for p, _ in pieces), {c for p, _ in pieces for c in p}


def pieces_of_largest(polygon, lines):
    lines = dict.fromkeys(map(tuple, lines.T))  # of equal ones, one
    for line in lines:
        piece = polygon
        for other in lines:
            if other != line and piece:
                piece = above(piece, [u - v for u, v in zip(line, other, strict=True)])
        if piece and area(piece):
            yield piece, line


def above(polygon, line):
    """Keep the part of a polygon where a + b x + c y is at least 0."""
    a, b, c = line
    at = [a + b * x + c * y for x, y in polygon]
    kept = []
    for (p, d), (q, e) in itertools.pairwise([*zip(polygon, at, strict=True), (polygon[0], at[0])]):
        if d >= 0:
            kept.append(p)
        if d * e < 0:
            kept.append(tuple(u + (v - u) * d / (d - e) for u, v in zip(p, q, strict=True)))
    return kept


def halves(polygon, line):
    parts = [above(polygon, [way * v for v in line]) for way in (1, -1)]
    cut = any(line) and all(part and area(part) for part in parts)
    return parts if cut else [polygon]


def area(polygon):
    around = itertools.pairwise([*polygon, polygon[0]])
    return abs(sum(p[0] * q[1] - q[0] * p[1] for p, q in around)) / 2
