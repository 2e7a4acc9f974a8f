"""One accent colour in, a whole readable palette out.

A charity gives a single colour. Text must stay readable on whatever it is, so the shades are computed
here against the contrast that WCAG 2.2 asks of body text (4.5:1) instead of being trusted.
"""

import re

Colour = tuple[int, int, int]

PAPER: Colour = (255, 253, 250)
INK: Colour = (33, 29, 26)
NIGHT: Colour = (18, 24, 46)
LANTERN: Colour = (255, 214, 153)

READABLE = 4.5

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")


def parse(text: str) -> Colour | None:
    """`#b4451f` or `b4451f`; None for anything else."""
    if not (written := _HEX.fullmatch(text)):
        return None
    digits = written[1]
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the first, from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [(c / 255) / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable_on(background: Colour, colour: Colour) -> Colour:
    """The colour itself, or the nearest darker shade of it that can be read on a light background."""
    steps = (mix(colour, (0, 0, 0), step / 20) for step in range(20))
    return next((shade for shade in steps if contrast(shade, background) >= READABLE), INK)


def stylesheet(accent: Colour) -> str:
    """The custom properties the pages' stylesheet is written with."""
    tint = mix(PAPER, accent, 0.08)
    strong = readable_on(tint, accent)
    palette = {
        "accent": accent,
        "accent-strong": strong,
        "accent-deep": mix(strong, (0, 0, 0), 0.22),
        "accent-tint": tint,
        "accent-line": mix(PAPER, accent, 0.35),
        "sky-high": mix(NIGHT, accent, 0.10),
        "sky-mid": mix(NIGHT, accent, 0.42),
        "sky-low": mix(accent, LANTERN, 0.55),
        "ridge-far": mix(mix(NIGHT, accent, 0.50), LANTERN, 0.18),
        "ridge-mid": mix(NIGHT, accent, 0.32),
        "ridge-near": mix(NIGHT, accent, 0.16),
        "ridge-front": mix(NIGHT, (0, 0, 0), 0.25),
        "lantern": LANTERN,
    }
    lines = (f"  --{name}: #{red:02x}{green:02x}{blue:02x};" for name, (red, green, blue) in palette.items())
    return ":root {\n" + "\n".join(lines) + "\n}\n"
