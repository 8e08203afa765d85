"""Writes the first seeds: a small valid input of each kind that a reader knows.

Run as ``python -m fuzz.seeds``; what is there already stays. Findings are added by hand, named
after what they showed.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import av
import h5py
import numpy as np
import polars as pl
import soundfile

from fuzz.targets import SECOND_FILE, SEEDS
from musqa_pipeline.release.rebuild.checking import RECIPE
from musqa_pipeline.release.rebuild.file import Head, Recipe, write_recipe
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.model_seal import as_stored, check_image, sealed
from tests.scoring.small_model import write_model

SOUNDFILE_KINDS = (
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "MS_ADPCM"),
    ("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
)  # fmt: skip
AV_KINDS = (
    ("mp4", "aac"), ("adts", "aac"), ("mp4", "alac"), ("matroska", "libopus"),
    ("asf", "wmav2"), ("ac3", "ac3"), ("wv", "wavpack"), ("tta", "tta"), ("mp2", "mp2"),
)  # fmt: skip
TEXTS = {
    "catalog_csv": {
        "plain": b"file,title,artist,recording,genre,licence,role,tier\n"
        b'a.wav,"A, B",Ann,r1,rock,CC0,train,lossless\nsub/b c.mp3,,,,,,TEST,\n',
        "mapped": b"\xef\xbb\xbffile,work\r\na.wav,opus 1\r\n",
        "quoted": b'file,title\n"a.wav","line\nbreak ""quoted"""\n',
    },
    "catalog_toml": {
        "plain": b'folder = "/music"\nreader = "folder"\n',
        "columns": b'folder = "/m\\u00e9"\n[columns]\n"recording" = "work"\n"title" = "x"\n',
    },
    "preset": {
        "plain": b'extends = "demo"\ncatalogs = ["a"]\n[tracks]\nmin_duration_s = 12\n'
        b'[models]\nnames = ["musqa_net"]\nmax_epochs = 3\n',
        "two": b'extends = "second.toml"\n[dataset]\nnatural_rows = 10' + SECOND_FILE
        + b"[tracks]\nsilence_lufs = -50.0\n[labels]\n[spectrograms]\n",
    },
    "ratings": {
        "plain": b"file,rater,score,page,condition,presentation,headphones\n"
        + b"".join(
            b"%s%d,r%d,%d,p1,%s,1,yes\n" % (name, i, i, score, name)
            for i in range(3)
            for name, score in ((b"reference", 100), (b"anchor_3500", 20), (b"anchor_7000", 40))
        ),
        "webmushra": b"session_test_id,session_uuid,trial_id,rating_stimulus,rating_score,"
        b"headphones\nt,u1,page1,a,90,yes\nt,u1,page1,b,20,\nt,u2,page1,a,80,no\n"
        + SECOND_FILE
        + b"trial,stimulus,excerpt,recording,condition,presentation,training\n"
        b"page1,a,e1,r1,reference,1,no\npage1,b,e2,r1,anchor_3500,2,no\n",
        "anchors": b"email,trial_id,rating_stimulus,rating_score\nx,p,reference,100\n"
        b"x,p,anchor35,1\n",
    },
    "datasets": {
        "fma": b",album,artist,set,set,track,track,track\n"
        b",title,name,split,subset,genre_top,license,title\ntrack_id,,,,,,,\n"
        b'2,LP,AWOL,training,small,Hip-Hop,Attribution,"Food,\n again"\n',
        "musicnet": b"id,composer,composition,movement,ensemble,source,transcriber,catalog_name\n"
        b"1,Bach,Suite,2. Andante,Solo,Museopen,x,BWV1\n",
        "pmqd": b"id,genre,artist,title,degradation_type,degradation_intensity,rating,"
        b"sample_start,sample_filename\n0,Pop,Ann,One,original,0.0,4.0,90,a.wav\n",
        "medleydb": b"artist: Ann\ntitle: Song\ngenre: Pop\nstems:\n  S01: {filename: a.wav}\n",
        "list": b"file,title,role\na.wav,A,test\n/b.wav,B,\n",
        "checksums": b"0123456789abcdef0123456789abcdef01234567  000/000002.mp3\n",
    },
    "listening_tables": {
        "opinions": b"file,mos,ci,n_raters,sd,condition,recording\na.wav,3.5,0.2,9,1,ref,r\n",
        "predictions": b"file,predicted\na.wav,3.5\nb.wav,1e-3\n",
        "repetitions": b"file,model,repetition,predicted\na.wav,cnn1d,0,35\na.wav,cnn1d,1,3.6e1\n",
        "scaled": b"file,mos,scale_low,scale_high\na.wav,3.5,1,5\n",
        "plan": b"file,start_s,duration_s,processes,training\na.wav,1.5,7,3 17 29,yes\nb.wav,,,,\n",
        "pairs": b"reference,degraded\na.wav,b.wav\n",
    },
}  # fmt: skip


def main() -> None:
    """Write the seeds that are missing."""
    for reader, texts in TEXTS.items():
        for name, data in texts.items():
            _write(reader, name, data)
    for folder, write in (
        ("recipe", _recipe), ("keras_file", _keras), ("model_file", _models),
    ):  # fmt: skip
        if not (SEEDS / folder).exists():
            (SEEDS / folder).mkdir()
            write(SEEDS / folder)
    samples = np.sin(np.arange(800) * 0.1)[:, None] * np.array([0.3, 0.1])
    for container, codec in SOUNDFILE_KINDS:
        buffer = io.BytesIO()
        rate = 8000 if codec != "MPEG_LAYER_III" else 16000
        soundfile.write(buffer, samples, rate, format=container, subtype=codec)
        _audio(f"{container}-{codec}".lower(), buffer.getvalue())
    longer = np.tile(samples, (6, 1)).astype(np.float32)
    for container, codec in AV_KINDS:
        _audio(f"av-{container}-{codec}", _encoded(longer, container, codec))


def _recipe(folder: Path) -> None:
    rows = pl.DataFrame(RECIPE.schema.empty_table())
    head = Head("demo", {"excerpts": {"target_lufs": -23.0}}, {"labels": "0"}, {"musqa": "1"})
    write_recipe(Recipe(head, rows), folder / "empty")


def _keras(folder: Path) -> None:
    kernel, bias = np.zeros((3, 4, 5), np.float32), np.zeros(5, np.float32)
    with h5py.File(folder / "keras-2", "w") as file:
        file.attrs["layer_names"], file.attrs["keras_version"] = [b"conv"], "2.1"
        file.create_group("conv").attrs["weight_names"] = [b"conv/kernel:0", b"conv/bias:0"]
        file["conv/conv/kernel:0"], file["conv/conv/bias:0"] = kernel, bias
    path = folder / "keras-3"
    with h5py.File(path, "w") as file:
        file["layers/conv1d/vars/0"], file["layers/conv1d/vars/1"] = kernel, bias
    layer = {"class_name": "Conv1D", "config": {"name": "conv1d"}}
    with zipfile.ZipFile(folder / "keras-3-zip", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": [layer]}}))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3"}))
        archive.write(path, "model.weights.h5")
    nested = folder / "keras-3-nested"
    with h5py.File(nested, "w") as file:
        file["layers/functional/layers/conv1d/vars/0"] = kernel
    start = {"class_name": "InputLayer", "config": {"name": "input"}, "inbound_nodes": []}
    reads = {"class_name": "__keras_tensor__", "config": {"keras_history": ["input", 0, 0]}}
    inside = {
        "layers": [start, {**layer, "inbound_nodes": [{"args": [reads], "kwargs": {}}]}],
        "output_layers": [["conv1d", 0, 0]],
    }
    weights = nested.read_bytes()
    with zipfile.ZipFile(nested, "w") as archive:
        model = {"class_name": "Functional", "config": inside}
        archive.writestr("config.json", json.dumps({"config": {"layers": [model]}}))
        archive.writestr("model.weights.h5", weights)


def _models(folder: Path) -> None:
    found = ModelFile(write_model(folder / "unsealed"))
    said = found.answer(check_image())
    record = {"answers": as_stored(said.probability, said.distance)}
    path = write_model(folder / "sealed", record=record)
    path.write_bytes(sealed(path.read_bytes()))
    _write("model_file", "record", json.dumps({**found.record, "accuracy": {"n": 5}}).encode())


def _encoded(samples: np.ndarray, container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48000, layout="stereo")
        stream.bit_rate = 64_000
        kind = stream.codec_context.codec.audio_formats[0].name
        resampler = av.AudioResampler(kind, "stereo", 48000, frame_size=0)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "flt", "stereo")
        frame.sample_rate = 48000
        for part in (frame, None):
            for converted in resampler.resample(part):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _audio(name: str, data: bytes) -> None:
    _write("audio", name, data)


def _write(reader: str, name: str, data: bytes) -> None:
    path = SEEDS / reader / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(data)


if __name__ == "__main__":
    main()
