"""The gates of a release, on made-up rows."""

import polars as pl
import pytest

from musqa_pipeline.release.model.gates import (
    ANCHORS,
    CERTIFICATE,
    COPIES_GOOD,
    COPIES_MIDDLE_RMSE,
    COPIES_RMSE,
    DULL_ABOVE,
    DULL_BIAS,
    DULL_GOOD,
    DULL_RMSE,
    LARGEST,
    NOT_MUSIC,
    SIZE,
    Gate,
    broken_gates,
    judge,
)

ROW = {
    "asked": "out_of_fold", "trusted": True, "depth": 1, "codec": "lowpass", "cutoff_hz": 3_500.0,
    "reference": "full band", "split_group": "g0", "label": 20.0, "predicted": 25.0,
}  # fmt: skip
KEPT = [{"holds": True}, {"holds": True}]
REFUSED = [{"kind": "noise", "n": 1, "n_abstained": 1}, {"kind": "tone", "n": 5, "n_abstained": 5}]


def rows(*changes):
    return pl.DataFrame([ROW | change for change in changes])


COPY = {"asked": "copies", "reference": "", "predicted": 18.0}
GOOD = rows(*({"split_group": f"g{i % 25}"} for i in range(100)), COPY, COPY | {"label": 45.0})


def anchors(*scores, group="g0", labels=(1.5, 2.5, 4.5)):
    return pl.DataFrame(
        {
            "catalog": "a",
            "excerpt_id": f"{group}-0",
            "split_group": group,
            "cutoff_hz": [3_500.0, 7_000.0, 24_000.0],
            "label_mos": list(labels),
            "predicted_mos": list(scores),
        }
    )


IN_ORDER = anchors(1.2, 2.0, 4.0)


def gates_of(said=GOOD, ladder=IN_ORDER, certificate=KEPT, not_music=REFUSED, size_bytes=3_100_000):
    return {gate.what: gate for gate in judge(said, ladder, certificate, not_music, size_bytes)}


def test_a_model_that_is_right_keeps_them_all():
    gates = gates_of()
    assert list(gates) == list(LARGEST)
    assert broken_gates(gates.values()) == ""
    assert gates[DULL_RMSE].found == pytest.approx(5.0)
    assert (gates[DULL_GOOD].n_rows, gates[DULL_GOOD].n_recordings) == (100, 25)
    assert gates[COPIES_MIDDLE_RMSE].found == pytest.approx(27.0)


@pytest.mark.parametrize(("n", "holds"), [(2, True), (3, False)])
def test_at_most_two_dull_rows_of_a_hundred_may_be_called_good(n, holds):
    said = rows(*([{"predicted": 61.0}] * n), *([{}] * (100 - n)))
    gate = gates_of(said)[DULL_GOOD]
    assert gate.holds is holds
    assert gate.found == pytest.approx(n / 100)


def test_a_low_pass_that_costs_little_may_be_called_good():
    said = pl.concat([GOOD, rows(*([{"label": 70.0, "predicted": 72.0}] * 20))])
    gates = gates_of(said)
    assert (gates[DULL_GOOD].found, gates[DULL_GOOD].n_rows) == (0, 100)
    assert gates[DULL_ABOVE].found == pytest.approx(20 / 120)
    assert gates[DULL_ABOVE].holds, "it is shown"


@pytest.mark.parametrize(("n", "holds"), [(2, True), (3, False)])
def test_recordings_have_one_vote_on_bias(n, holds):
    said = rows(
        *({"split_group": f"g{i}", "predicted": 41.0 if i < n else 20.0} for i in range(25)),
        *([{"split_group": "g0", "predicted": 41.0}] * 50),
    )
    assert gates_of(said)[DULL_BIAS].holds is holds


def test_only_trusted_dull_rows_of_full_band_recordings_count_out_of_fold():
    wrong = {"predicted": 99.0}
    others = (
        {"trusted": False}, {"trusted": None}, {"depth": 2}, {"codec": "mp3"}, {"cutoff_hz": 6e3},
        {"cutoff_hz": None}, {"reference": "dark"}, {"asked": "test"},
    )  # fmt: skip
    gates = gates_of(pl.concat([GOOD, rows(*(wrong | other for other in others))]))
    assert gates[DULL_GOOD].n_rows == 100
    assert gates[DULL_GOOD].found == 0


def test_copies_are_judged_by_their_own_label():
    said = pl.concat([GOOD, rows(COPY | {"label": 30.0, "predicted": 70.0})])
    gates = gates_of(said)
    assert gates[COPIES_GOOD].n_rows == 2
    assert not gates[COPIES_GOOD].holds
    assert gates[COPIES_RMSE].found == pytest.approx((1604 / 2) ** 0.5)
    assert gates[COPIES_RMSE].holds, "it is shown"
    assert gates[DULL_GOOD].holds


@pytest.mark.parametrize(
    ("ladder", "found", "asked"),
    [
        (anchors(2.0, 1.9, 4.0), 1, 1),
        (anchors(2.0, 4.0, 4.0), 1, 1),
        # ViSQOL hears 9 points between two of them: there is no order to keep.
        (anchors(2.0, 1.9, 4.0, labels=(1.5, 1.86, 4.5)), None, 0),
        (anchors(2.0, 1.9, 4.0, labels=(1.5, 1.91, 4.5)), 1, 1),
        (pl.concat([IN_ORDER, anchors(4.0, 2.0, 1.0, group="g1")]), 1, 2),
        (IN_ORDER.reverse(), 0, 1),
        (IN_ORDER.head(2), None, 0),
    ],
)
def test_anchors_are_in_order_where_visqol_hears_a_difference(ladder, found, asked):
    gate = gates_of(ladder=ladder)[ANCHORS]
    assert (gate.found, gate.n_rows) == (found, asked)
    assert gate.holds is (found == 0)


def test_a_broken_line_of_the_certificate_breaks_a_gate():
    gate = gates_of(certificate=[*KEPT, {"holds": False}])[CERTIFICATE]
    assert (gate.found, gate.holds) == (1, False)


def test_what_could_not_be_asked_is_not_kept():
    said = GOOD.filter(pl.col("asked") == "out_of_fold")
    gates = gates_of(said, certificate=[], not_music=[])
    assert broken_gates(gates.values()) == "; ".join(
        f"{what}: no row to ask" for what in (COPIES_GOOD, CERTIFICATE, NOT_MUSIC)
    )


def test_a_single_sound_that_is_no_music_and_has_a_score_breaks_a_gate():
    gate = gates_of(not_music=[*REFUSED, {"kind": "sweep", "n": 2, "n_abstained": 1}])[NOT_MUSIC]
    assert (gate.found, gate.n_rows, gate.holds) == (1, 8, False)
    assert gate.said(gate.found) == "1"


def test_a_gate_says_its_numbers_as_people_do():
    assert [Gate(DULL_GOOD, 0.153, 100, 9).said(v) for v in (0.153, 0.02, None)] == [
        "15.3%",
        "2.0%",
        "–",
    ]
    assert Gate(DULL_RMSE, 24.61, 100, 9).said(24.61) == "24.6"
    assert Gate(ANCHORS, 3.0, 100, 9).said(3.0) == "3"
    assert broken_gates([Gate(DULL_RMSE, 24.61, 100, 9)]) == f"{DULL_RMSE}: 24.6, at most 12.0"


def test_a_model_file_has_20_mb():
    assert gates_of(size_bytes=20_000_000)[SIZE].holds
    gate = gates_of(size_bytes=20_100_000)[SIZE]
    assert broken_gates([gate]) == "size of the model file, MB: 20.1, at most 20.0"
