"""The script on Vinylset's label file, on a made-up one, and on the public one where it is."""

from __future__ import annotations

import numpy as np
import pytest

from tests import SHARED

N_TRACKS, N_CLASSES = 90, 15


@pytest.fixture(scope="module")
def script():
    import check_vinylset

    return check_vinylset


@pytest.fixture
def folder(tmp_path, script):
    mos = np.random.default_rng(0).permutation(np.linspace(2.5, 4.5, N_TRACKS))
    place = np.argsort(np.argsort(mos)) * N_CLASSES // N_TRACKS
    lines = [
        f"a/{n}.wav,{m:.4f},{n % 5},Q{q + 1},0.4,0.8,1"
        for n, (m, q) in enumerate(zip(mos, place, strict=True))
    ]
    text = "filename,label,c,mosgroup,CI,std,dcec_prediction\n" + "\n".join(lines) + "\n"
    (tmp_path / script.LABEL_FILE).write_text(text)
    return tmp_path


def test_it_prints_parts_classes_and_limits(script, folder, capsys):
    script.main([str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| 1 | 1 | 60 | 15 | 15 | 0.8000 |")
    assert sum(line.endswith("| 1, 1, 1, 1, 1, 1 |") for line in lines) == N_CLASSES
    # Labels 2 / 89 apart from 2.5 on: those of at least 36 steps are farther apart than 0.8.
    assert lines[-2].startswith(f"τ over all tracks: 0.8000; {54 * 55 // 2:,} of 4,005 pairs")
    assert lines[-1].startswith("The noise of the means is 0.0417 of a variance of 0.")


def test_its_last_line_is_the_correlation_of_noise_after_the_papers_mapping(
    script, folder, capsys, monkeypatch
):
    monkeypatch.setattr(script, "N_DRAWS", 60)
    script.main([str(folder), "--null"])
    text = capsys.readouterr().out
    figure = text.splitlines()[-1]
    row = next(line for line in text.splitlines() if "as in the paper" in line)
    assert figure == f"{float(row.split('|')[2].split()[0]):.2f}"
    assert 0.3 < float(figure) < 0.6  # parts of 15 tracks: a free cubic makes far more of noise
    assert "| the paper's control, random labels | 0.19 ± 0.068 | 0.11 ± 0.067 |" in text
    assert "of 60 draws" in text


def test_without_the_label_file_it_says_so(script, tmp_path, capsys):
    with pytest.raises(SystemExit):
        script.main([str(tmp_path)])
    assert "vinylset_MOS.txt cannot be read" in capsys.readouterr().err


def test_the_public_file_has_the_numbers_of_the_page(script, capsys):
    folder = SHARED / "vinylset"
    if not folder.exists():
        pytest.skip("no shared/vinylset beside the checkout")
    script.main([str(folder)])
    text = capsys.readouterr().out
    assert "τ over all tracks: 0.8675; 15,204 of 191,890 pairs are farther apart." in text
    assert "0.0519 of a variance of 0.1215: r at most 0.757, RMSE at least 0.228" in text
    sizes = [line.split(" | ")[2:5] for line in text.splitlines()[2:8]]
    assert sizes == [["413", "103", "104"], ["413", "104", "103"]] * 2 + [["414", "103", "103"]] * 2
