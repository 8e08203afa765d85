"""Rows of carriers: chains of faults, what each would be without one of them, and ladders.

A reference's chains depend on its id, the seed and their numbers alone, so that fewer are the first
of more. Of each chain there are counterfactuals: without one fault, and without all that could be
removed, so that what a restoration would gain is known. A ladder is one fault alone at rising
intensities, by which it is found out whether a metric hears that fault.
"""

from __future__ import annotations

from collections.abc import Iterator

from musqa_pipeline.audio.degradations.applied import one_of
from musqa_pipeline.audio.degradations.carriers.chains import (
    FAULTS,
    Chain,
    draw_chain,
    draw_ladder,
)
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings

RULES_VERSION = 1
"""Raised when the same seed draws something else; part of the fingerprint where chains are."""
INTENSITIES = (0.0, 25.0, 50.0, 75.0, 100.0)
"""Steps of a ladder."""
RESTORED = "restored"
"""In place of a fault: without all that could be removed."""


def chain_process(number: int) -> str:
    """Name the process of a chain of a reference."""
    return f"c{number}"


def counterfactual_of(chain: str, left_out: str) -> str:
    """Name what a chain would be without a fault; a process after a process, an id after an id."""
    return f"{chain}-{left_out}"


def draw_chains(excerpt_id: str, settings: DegradationsSettings) -> Iterator[tuple[int, Chain]]:
    """Draw the chains of one reference, with their numbers from 1."""
    names = settings.carrier_names
    weights = dict.fromkeys(names, 1 / len(names))
    for number in range(1, settings.n_carrier + 1):
        rng = derive_generator("degradations-carrier", settings.seed, excerpt_id, number)
        yield number, draw_chain(one_of(rng, weights), rng)


def counterfactuals(chain: Chain) -> dict[str, Chain]:
    """Return a chain without each of its faults, and without all that could be removed.

    Where nothing would be left there is no chain: that is the reference. Where just one fault
    could be removed, the restored one is that without it, and not listed again.
    """
    without = {name: chain.without(name) for name, _ in chain.faults}
    if len(chain.removable) > 1:
        without[RESTORED] = chain.without(*chain.removable)
    return {left_out: rest for left_out, rest in without.items() if rest.faults}


def draw_ladders(
    excerpt_id: str, settings: DegradationsSettings
) -> Iterator[tuple[str, float, Chain]]:
    """Draw the ladders of one reference: fault, intensity and chain of each step."""
    n_faults = settings.n_carrier_ladders if settings.n_carrier else 0
    order = derive_generator("degradations-ladders", settings.seed, excerpt_id).permutation(
        len(FAULTS)
    )
    for place in sorted(order[:n_faults].tolist()):
        fault = list(FAULTS)[place]
        rng = derive_generator("degradations-ladder", settings.seed, excerpt_id, fault)
        for intensity, chain in zip(INTENSITIES, draw_ladder(fault, INTENSITIES, rng), strict=True):
            yield fault, intensity, chain
