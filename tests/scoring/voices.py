"""Speech by packaged synthesisers (espeak-ng, flite, festival): voices and sentences.

The voices that the speech model was fitted on and those that it is tested on are other speakers.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

TEXTS = {
    "en": (
        "The train to the harbour leaves at seven, and it rarely waits for anyone. She had "
        "packed a lamp, two books and a small radio, which was more than she needed for a "
        "week. On the way they talked about the weather, the price of fish and the people who "
        "used to live upstairs. When the rain stopped, somebody opened a window. Was that a "
        "bell? No, only the tram, he said, and went on reading about ships that never came "
        "back. Please put the kettle on, take your shoes off and tell me everything from the "
        "beginning.",
        "Measuring sound is older than recording it. In a quiet room you can hear your own "
        "breath, and after some minutes the blood in your ears. Our visitors often ask why "
        "the walls are soft. The answer is simple: a hard wall sends back what it gets. Try "
        "it yourself, clap once and listen. Thirty years ago this building was a bakery; the "
        "ovens are still downstairs. Nobody remembers who painted the door green, but "
        "everyone agrees that it should stay so.",
    ),
    "de": (
        "Der Zug zum Hafen fährt um sieben und wartet selten. Sie hatte eine Lampe, zwei "
        "Bücher und ein kleines Radio eingepackt. Unterwegs sprachen sie über das Wetter und "
        "den Preis der Fische. Als der Regen aufhörte, öffnete jemand ein Fenster. War das "
        "eine Glocke? Nein, nur die Straßenbahn, sagte er und las weiter. Bitte stell den "
        "Kessel auf den Herd und erzähl mir alles von Anfang an, denn wir haben Zeit bis zum "
        "Abend.",
    ),
    "fr": (
        "Le train pour le port part à sept heures et n'attend presque jamais. Elle avait "
        "emporté une lampe, deux livres et une petite radio. En chemin ils parlaient du temps "
        "et du prix du poisson. Quand la pluie cessa, quelqu'un ouvrit une fenêtre. Était-ce "
        "une cloche? Non, seulement le tramway, dit-il, et il continua de lire. Raconte-moi "
        "tout depuis le début, nous avons le temps jusqu'au soir.",
    ),
    "es": (
        "El tren del puerto sale a las siete y casi nunca espera. Ella llevaba una lámpara, "
        "dos libros y una radio pequeña. Por el camino hablaban del tiempo y del precio del "
        "pescado. Cuando dejó de llover, alguien abrió una ventana. ¿Era una campana? No, "
        "solo el tranvía, dijo, y siguió leyendo. Cuéntamelo todo desde el principio, tenemos "
        "tiempo hasta la noche.",
    ),
    "it": (
        "Il treno per il porto parte alle sette e non aspetta quasi mai. Aveva preso una "
        "lampada, due libri e una piccola radio. Per strada parlavano del tempo e del prezzo "
        "del pesce. Quando smise di piovere qualcuno aprì una finestra. Era una campana? No, "
        "solo il tram, disse, e continuò a leggere. Raccontami tutto dal principio, abbiamo "
        "tempo fino a sera.",
    ),
    "ru": (
        "Поезд в порт уходит в семь и почти никого не ждёт. Она взяла лампу, две книги и "
        "маленькое радио. По дороге они говорили о погоде и о цене на рыбу. Когда дождь "
        "кончился, кто-то открыл окно. Это был колокол? Нет, только трамвай, сказал он и стал "
        "читать дальше.",
    ),
    "fi": (
        "Juna satamaan lähtee seitsemältä eikä odota ketään. Hänellä oli mukanaan lamppu, "
        "kaksi kirjaa ja pieni radio. Matkalla he puhuivat säästä ja kalan hinnasta. Kun sade "
        "lakkasi, joku avasi ikkunan. Oliko se kello? Ei, vain raitiovaunu, hän sanoi ja "
        "jatkoi lukemista.",
    ),
    "sv": (
        "Tåget till hamnen går klockan sju och väntar sällan. Hon hade packat en lampa, två "
        "böcker och en liten radio. På vägen talade de om vädret och priset på fisk. När "
        "regnet slutade öppnade någon ett fönster. Var det en klocka? Nej, bara spårvagnen, "
        "sade han.",
    ),
    "cs": (
        "Vlak do přístavu odjíždí v sedm a málokdy čeká. Vzala si lampu, dvě knihy a malé "
        "rádio. Cestou mluvili o počasí a o ceně ryb. Když přestalo pršet, někdo otevřel "
        "okno. To byl zvon? Ne, jenom tramvaj, řekl a četl dál.",
    ),
}
"""Sentences by language, made for this."""


@dataclass(frozen=True)
class Voice:
    """A speaker of a synthesiser."""

    program: str
    """espeak-ng, flite or festival."""
    name: str
    language: str
    words_per_min: int = 170
    """For espeak-ng alone."""

    @property
    def available(self) -> bool:
        """Whether its program is installed."""
        return shutil.which("text2wave" if self.program == "festival" else self.program) is not None

    def speak(self, number: int = 0) -> tuple[NDArray[np.float32], int]:
        """Read a text of its language, twice if it is short: mono samples and their rate."""
        texts = TEXTS[self.language]
        text = texts[number % len(texts)]
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "speech.wav"
            _run(self, f"{text} {text}", out)
            samples, rate_hz = soundfile.read(out, dtype="float32")
        return samples, rate_hz


def _run(voice: Voice, text: str, out: Path) -> None:
    if voice.program == "espeak-ng":
        speed = ["-s", str(voice.words_per_min)]
        command = ["espeak-ng", "-v", voice.name, *speed, "-w", out, "--stdin"]
    elif voice.program == "flite":
        command = ["flite", "-voice", voice.name, "-t", text, "-o", out]
    else:
        command = ["text2wave", "-eval", f"(voice_{voice.name})", "-o", out]
    # Festival's Latin voices read one byte a letter.
    latin = voice.program == "festival" and voice.language != "ru"
    content = text.encode("latin-1", "ignore") if latin else text.encode()
    subprocess.run(command, input=content, check=True, capture_output=True, timeout=300)


FITTED = (
    Voice("espeak-ng", "en-us", "en"),
    Voice("espeak-ng", "en-us+f3", "en", 200),
    Voice("espeak-ng", "de+m3", "de", 150),
    Voice("espeak-ng", "fr-fr+f2", "fr"),
    Voice("espeak-ng", "es+m5", "es", 190),
    Voice("espeak-ng", "ru+f1", "ru", 140),
    Voice("flite", "kal", "en"),
    Voice("flite", "slt", "en"),
    Voice("flite", "awb", "en"),
    Voice("festival", "cmu_us_slt_arctic_hts", "en"),
    Voice("festival", "lp_diphone", "it"),
    Voice("festival", "hy_fi_mv_diphone", "fi"),
)
"""Speakers that the model was fitted on."""

TESTED = (
    Voice("espeak-ng", "en-gb+m7", "en", 160),
    Voice("espeak-ng", "en-gb-scotland+f5", "en", 180),
    Voice("espeak-ng", "it+f4", "it"),
    Voice("espeak-ng", "sv+m4", "sv", 145),
    Voice("espeak-ng", "cs+f2", "cs", 175),
    Voice("flite", "rms", "en"),
    Voice("festival", "ked_diphone", "en"),
    Voice("festival", "pc_diphone", "it"),
    Voice("festival", "suo_fi_lj_diphone", "fi"),
    Voice("festival", "czech_dita", "cs"),
    Voice("festival", "msu_ru_nsh_clunits", "ru"),
)
"""Other speakers, other engines' voices and other languages, that it was not."""
