"""Which figures there are: how each is measured, of which servers, and what its table shows."""

from collections.abc import Sequence

from bench.figures.figure import Figure
from bench.figures.light import light_figures
from bench.figures.saturation import saturation_figures
from bench.figures.slow import slow_figures
from bench.figures.variants import variant_figures
from bench.figures.wire import wire_figures

__all__ = ["Figure", "chosen", "figures"]


def figures(*, short: bool) -> list[Figure]:
    """Gives every figure; the short ones have fewer cases."""
    return [
        *saturation_figures(),
        *light_figures(short=short),
        *slow_figures(short=short),
        *wire_figures(short=short),
        *variant_figures(),
    ]


def chosen(everything: Sequence[Figure], names: Sequence[str]) -> list[Figure]:
    """Gives the figures of these names, or whose names begin so; for no name the usual ones.

    Raises:
        ValueError: for a name that no figure has.

    """
    for name in names:
        if not any(each.name.startswith(name) for each in everything):
            known = ", ".join(each.name for each in everything)
            raise ValueError(f"no figure {name!r}: allowed are {known}, or how a name begins")
    if not names:
        return [each for each in everything if not each.asked_for]
    return [each for each in everything if any(each.name.startswith(name) for name in names)]
