import re

from hypothesis import given
from hypothesis import strategies as st

from payments.pages import colours

ACCENTS = st.tuples(*[st.integers(0, 255)] * 3)


@given(accent=ACCENTS)
def test_text_stays_readable_on_every_accent_colour(accent: colours.Colour) -> None:
    shades = {
        name: colours.parse(value)
        for name, value in re.findall(r"--([a-z-]+): (#\w{6})", colours.stylesheet(accent))
    }

    strong, tint = shades["accent-strong"], shades["accent-tint"]

    assert colours.contrast(strong, (255, 255, 255)) >= colours.READABLE
    assert colours.contrast(strong, tint) >= colours.READABLE
    assert colours.contrast(shades["accent-deep"], tint) >= colours.READABLE
    assert colours.contrast(shades["sky-high"], (255, 255, 255)) >= colours.READABLE


def test_only_six_hexadecimal_digits_are_a_colour() -> None:
    assert colours.parse("#b4451f") == (180, 69, 31)
    assert colours.parse("b4451f}body{display:none") is None
    assert colours.parse("red") is None
