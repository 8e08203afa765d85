import numpy as np
import pytest

from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.sampled_music import font as fonts
from musqa_pipeline.catalogs.sampled_music.font import SWELL_STEP_S, Voice, open_font
from musqa_pipeline.core.errors import CatalogError

PIANO, FLUTE, STRINGS = 0, 73, 48


def level(sound, start_s, end_s):
    part = sound[:, round(start_s * 48_000) : round(end_s * 48_000)]
    return float(np.sqrt(np.mean(part**2)))


def pitch_hz(sound, start_s=0.2, end_s=1.2):
    part = sound[:, round(start_s * 48_000) : round(end_s * 48_000)].sum(axis=0)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), 4 * part.size))
    return float(np.argmax(spectrum) * 48_000 / (4 * part.size))


def test_a_note_sounds_at_its_time_at_its_pitch_and_for_its_length(font):
    (sound,) = font.play([Voice(FLUTE, [Note(0.5, 1.0, 81.0, 0.8)])], 3.0)
    assert sound.shape == (2, 3 * 48_000)
    assert np.abs(sound[:, : 24_000 - 480]).max() == 0
    assert pitch_hz(sound, 0.7, 1.4) == pytest.approx(880, rel=0.006)
    assert level(sound, 0.7, 1.4) > 0.005
    assert level(sound, 2.2, 3.0) < 0.02 * level(sound, 0.7, 1.4)


def test_cents_move_the_pitch_and_velocity_the_loudness(font):
    notes = [Note(0.0, 1.5, 69.0, 0.8)]
    soft = [Note(0.0, 1.5, 69.0, 0.3)]
    plain, sharp, quiet = font.play(
        [Voice(FLUTE, notes), Voice(FLUTE, notes, cents=50), Voice(FLUTE, soft)], 2.0
    )
    assert pitch_hz(sharp) / pitch_hz(plain) == pytest.approx(2 ** (50 / 1200), rel=0.003)
    assert level(quiet, 0.2, 1.2) < 0.5 * level(plain, 0.2, 1.2)


def test_a_voice_sounds_the_same_alone_and_after_others(font):
    piano, drums = Voice(PIANO, [Note(0.1, 3.0)]), Voice(0, [Note(0.2, 0.5, 38.0)], drums=True)
    others, alone = font.play([piano, drums, piano], 2.0), font.play([piano], 2.0)
    # FluidSynth ramps a note in from what it played before: a few samples, below -40 dB.
    assert np.abs(others[2] - alone[0]).max() < 0.01 * np.abs(alone[0]).max()
    assert np.abs(others[1][:, :9_000]).max() < 1e-6  # the piano's last note has died


def test_the_same_piece_twice_is_the_same_to_the_bit(font):
    voices = [Voice(STRINGS, [Note(0.0, 1.0)], vibrato=0.4, swell=(0.5, 1.0) * 10)]
    np.testing.assert_array_equal(*(font.play(voices, 1.0)[0] for _ in range(2)))


def test_a_swell_moves_the_loudness_of_a_held_note(font):
    n = round(2.0 / SWELL_STEP_S)
    falling = Voice(STRINGS, [Note(0.0, 2.0)], swell=np.linspace(1, 0.2, n))
    sound, even = font.play([falling, Voice(STRINGS, [Note(0.0, 2.0)])], 2.0)
    fall = level(sound, 1.6, 1.9) / level(sound, 0.3, 0.6)
    assert fall < 0.3 * level(even, 1.6, 1.9) / level(even, 0.3, 0.6)


def test_a_key_struck_again_sounds_again_although_the_first_note_is_not_over(font):
    (sound,) = font.play([Voice(PIANO, [Note(0.0, 5.0), Note(1.0, 1.0)])], 2.0)
    assert level(sound, 1.0, 1.2) > 1.2 * level(sound, 0.75, 0.95)


def test_a_drum_kit_has_a_drum_on_each_key(font):
    kick, hat = font.play(
        [Voice(0, [Note(0.1, 0.2, pitch, 0.9)], drums=True) for pitch in (36, 42)], 1.0
    )

    def centre_hz(sound):
        power = np.abs(np.fft.rfft(sound.sum(axis=0))) ** 2
        return float(np.sum(np.fft.rfftfreq(48_000, 1 / 48_000) * power) / power.sum())

    assert centre_hz(kick) < 500
    assert centre_hz(hat) > 5_000


def test_notes_after_the_end_are_not_played(font):
    (sound,) = font.play([Voice(PIANO, [Note(2.0, 1.0)])], 1.0)
    assert np.abs(sound).max() == 0


def test_without_fluidsynth_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CatalogError, match=r"fluidsynth cannot be found; install .*make sampler"):
        open_font()


def test_a_font_that_is_not_there_or_is_none_is_refused(font, tmp_path, monkeypatch):
    with pytest.raises(CatalogError, match=r"cannot read the sound font .*gone\.sf2: No such file"):
        open_font(tmp_path / "gone.sf2")
    with pytest.raises(CatalogError, match=r"cannot read the sound font .*: Is a directory"):
        open_font(tmp_path)
    for name, content in (("a.sf2", b""), ("b.sf2", b"\xff\xd8\xff\xe0 JPEG"), ("c.sf2", b"RIFF")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CatalogError, match=r"is no sound font \(\.sf2\); name another"):
            open_font(tmp_path / name)
    monkeypatch.setattr(fonts, "DEFAULT_FONT", tmp_path / "none.sf2")
    with pytest.raises(CatalogError, match=r"there is no .*; install .*, or name a sound font"):
        open_font()


def test_a_broken_font_is_named_and_not_taken_for_silence(font, tmp_path):
    broken = tmp_path / "broken é.sf2"
    broken.write_bytes(font.path.read_bytes()[:100_000])
    with pytest.raises(
        CatalogError, match=r"fluidsynth cannot play .*broken é\.sf2 .*name another"
    ):
        open_font(broken).play([Voice(PIANO, [Note(0.0, 1.0)])], 1.0)
