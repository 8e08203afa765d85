import csv
from itertools import pairwise

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.vinylset import COLUMNS, LABEL_FILE, read_vinylset
from tests import SHARED

LABELS = SHARED / "vinylset" / LABEL_FILE
ROW = {
    "filename": "2a/a.wav", "label": "3.8", "c": "2", "mosgroup": "Q8", "CI": "0.25",
    "std": "0.53", "dcec_prediction": "1",
}  # fmt: skip


def written(path, *rows, columns=COLUMNS):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_tracks_come_in_the_order_of_the_file_with_what_it_says_of_them(tmp_path):
    other = {**ROW, "filename": "0a/b.wav", "label": "2", "c": "0", "mosgroup": "Q15", "CI": "0.5"}
    found = read_vinylset(written(tmp_path / "v.txt", ROW, other))
    assert [o.file for o in found.opinions] == ["2a/a.wav", "0a/b.wav"]
    assert (found.opinions[0].sd, found.opinions[0].scale) == (0.53, (1.0, 5.0))
    assert found.mos.tolist() == [3.8, 2.0]
    assert found.half_width.tolist() == [0.25, 0.5]
    assert found.mos_class.tolist() == [8, 15]
    assert (found.cluster.tolist(), found.dcec_cluster.tolist()) == ([2, 0], [1, 1])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"label": "nan"},
            "label='nan' of filename 2a/a.wav, label nan, c 2 is no number; correct",
        ),
        ({"CI": ""}, "CI='' of filename 2a/a.wav.* is no number; correct it or delete"),
        ({"label": "0.9"}, r"label=0.9 of 2a/a.wav: expected a rating from 1 to 5"),
        ({"label": "5.01"}, r"label=5.01 of 2a/a.wav: expected a rating from 1 to 5"),
        ({"CI": "-0.1"}, r"CI=-0.1, std=0.53 of 2a/a.wav: expected 0 or more"),
        ({"mosgroup": "8"}, "mosgroup='8' of 2a/a.wav: expected a number such as Q7"),
        ({"c": "2.5"}, "c='2.5' of 2a/a.wav: expected a number such as 7"),
    ],
)
def test_a_value_that_cannot_be_is_refused(tmp_path, wrong, said):
    with pytest.raises(SettingsError, match=said):
        read_vinylset(written(tmp_path / "v.txt", {**ROW, **wrong}))


def test_a_track_that_is_named_twice_and_a_column_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"names 2a/a.wav twice; keep one line of each track"):
        read_vinylset(written(tmp_path / "v.txt", ROW, ROW))
    path = written(tmp_path / "v.txt", ROW, columns=["filename", "label", "c", "std"])
    with pytest.raises(SettingsError, match="no column mosgroup and CI and dcec_prediction: expec"):
        read_vinylset(path)


def test_the_public_file_is_what_paper_004_describes():
    if not LABELS.exists():
        pytest.skip("no shared/vinylset beside the checkout")
    found = read_vinylset(LABELS)
    assert len(found.opinions) == 620
    assert (found.mos.min(), found.mos.max()) == pytest.approx((2.533, 4.667), abs=5e-4)
    assert np.bincount(found.cluster).tolist() == [124] * 5
    sizes = np.bincount(found.mos_class)
    assert (len(sizes), sizes[0], sizes[1:].min(), sizes.max()) == (16, 0, 27, 54)
    # Quantile classes: each ends below where the next one begins.
    ends = [(m.min(), m.max()) for k in range(1, 16) for m in [found.mos[found.mos_class == k]]]
    assert all(a[1] < b[0] for a, b in pairwise(ends))
