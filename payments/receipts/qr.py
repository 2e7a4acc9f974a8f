"""A QR code as lines for the page: an address in squares, the same drawing for the same address, always."""

import segno

_MASK = 3
"""Every mask can be read; trying all eight for the most even picture takes five times as long."""


def svg(address: str) -> str:
    """The code as a small SVG of one path, its quiet zone left to the page around it."""
    code = segno.make(address, error="m", boost_error=False, micro=False, mask=_MASK)
    rows = [bytes(row) for row in code.matrix]
    path = "".join(
        f"M{start} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for start, length in _runs(row)
    )
    side = len(rows)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"><path d="{path}"/></svg>'


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Where dark squares begin in a row, and how many stand side by side."""
    runs: list[tuple[int, int]] = []
    for x, is_dark in enumerate(row):
        if not is_dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs
