import numpy as np
import pytest

from musqa_pipeline.stages.labels import consistency
from musqa_pipeline.stages.labels.consistency import LabelRows, check_order, describe_labels
from musqa_pipeline.stages.labels.consistency_pictures import plot_label_sense

REFERENCES = [f"r{i}" for i in range(10)]


def rows_of(*rows):
    columns = list(zip(*rows, strict=True))
    return LabelRows(
        *(np.array(c) for c in columns[:2]),
        *(np.array(c, np.int64) for c in columns[2:4]),
        np.array(columns[4]),
        *(np.array(c, np.float64) for c in columns[5:]),
    )


def singles(mos_of):
    """mos_of: (id, name, strength) -> function of the reference's index."""
    return [
        (reference, "single", i, i, name, strength, mos(index))
        for (i, name, strength), mos in mos_of.items()
        for index, reference in enumerate(REFERENCES)
    ]


WORSE_AT_96 = {
    (9, "mp3", 32): lambda _: 2.0,
    (10, "mp3", 64): lambda index: 3.0 + 0.01 * index,
    (11, "mp3", 96): lambda index: 2.9 + 0.01 * index if index else 3.5,
    (42, "lowpass", 3500): lambda _: 2.5,
    (43, "lowpass", 5000): lambda _: 4.7,
}


def test_steps_are_paired_and_reversals_are_found():
    found = describe_labels(rows_of(*singles(WORSE_AT_96)))
    assert [(s.name, s.weaker, s.stronger) for s in found.steps] == [
        ("lowpass", 3500, 5000), ("mp3", 32, 64), ("mp3", 64, 96),
    ]  # fmt: skip
    assert [s.gain_mos for s in found.steps] == pytest.approx([2.2, 1.045, -0.04])
    (reversal,) = found.reversals
    assert reversal.falls_frac == 0.9
    # Nine differences of -0.1 and one of 0.5.
    half_width = 1.96 * np.std([-0.1] * 9 + [0.5], ddof=1) / np.sqrt(10)
    assert reversal.low_mos == pytest.approx(-0.04 - half_width)
    assert reversal.high_mos == pytest.approx(-0.04 + half_width)
    assert found.near_top_frac == pytest.approx(10 / 50)
    assert found.n_references == 10


def test_cascades_are_held_against_their_own_halves():
    rows = singles({(9, "mp3", 32): lambda _: 2.0, (42, "lowpass", 3500): lambda _: 2.5})
    for reference, mos in zip(REFERENCES, [1.9, 2.0, 2.05, 2.2, 2.7] * 2, strict=True):
        rows.append((reference, "cascade", 42, 9, "lowpass", 3500, mos))
    rows.append(("r0", "cascade", 9, 17, "mp3", 32, 4.0))  # 17 was not applied alone
    found = describe_labels(rows_of(*rows)).cascades
    assert found.n == 10
    assert found.above_worse_frac == pytest.approx(0.4)
    assert found.above_better_frac == pytest.approx(0.2)
    assert sorted(found.above_worse_mos)[::2] == pytest.approx([-0.1, 0.0, 0.05, 0.2, 0.7])


@pytest.mark.parametrize(
    ("drop", "n_references", "passes"), [(0.04, 10, True), (0.06, 10, False), (0.5, 7, True)]
)
def test_a_mean_that_falls_is_found_if_there_are_enough_references(
    monkeypatch, drop, n_references, passes
):
    rows = rows_of(
        *singles({(9, "mp3", 32): lambda _: 3.0, (10, "mp3", 64): lambda _: 3.0 - drop})
    ).of(REFERENCES[:n_references])
    monkeypatch.setattr(consistency, "read_rows", lambda _: rows)
    result = check_order(None)
    assert result.passed is passes
    if n_references == 10:
        assert result.numbers["worst_step"] == "mp3 32 to 64"
        assert result.numbers["worst_gain_mos"] == pytest.approx(-drop)


def test_the_picture_is_a_png_whatever_there_is_to_show():
    for rows in (singles(WORSE_AT_96), singles({(9, "mp3", 32): lambda _: 2.0})):
        assert plot_label_sense(describe_labels(rows_of(*rows))).startswith(b"\x89PNG")
