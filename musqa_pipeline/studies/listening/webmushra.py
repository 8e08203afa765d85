"""The configuration of webMUSHRA, as YAML [1]_.

Written by hand in the block style of webMUSHRA's own examples, strings in double quotes on one
line: its reader (yamljs) takes the nested list that PyYAML writes as ``- - random`` for text.

References
----------
.. [1] M. Schoeffler et al., webMUSHRA: a comprehensive framework for web-based listening tests,
   2018, doi:10.5334/jors.187; keys as in its documentation for experimenters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

LISTENER, HEADPHONES = "listener", "headphones"
"""Questions at the end; columns of the results."""

INSTRUCTIONS = """You will hear short pieces of music in several versions. Please wear headphones.
On each page, compare the versions with the reference and rate the quality of each from 0 (bad) to
100 (excellent). One of the versions is the reference itself, so at least one must get 100. Listen
as often as you like. Some pages may seem familiar; rate what you hear."""
TRAINING = """This page is for practice: get to know the differences and the scale. It does not
count."""
VOLUME = "Set a comfortable volume now, and leave it there until the end."
RATE = "Rate the quality of each version compared with the reference."
THANKS = "Thank you. Two questions are left; then send your results."


def configuration(
    test_id: str,
    title: str,
    training: Mapping[str, Any],
    pages: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Build the configuration of a test, with webMUSHRA's keys.

    `test_id` is the folder of the results on the server, `title` what listeners see on top. The
    practice page and the other pages, which webMUSHRA shuffles for each listener, have ``id``,
    ``reference`` (a path) and ``stimuli`` (name to path).
    """
    return {
        "testname": title,
        "testId": test_id,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": [
            {
                "type": "generic",
                "id": "instructions",
                "name": title,
                "content": _one_line(INSTRUCTIONS),
            },
            {
                "type": "volume",
                "id": "volume",
                "name": "Volume",
                "content": VOLUME,
                "stimulus": training["reference"],
                "defaultVolume": 0.5,
            },
            _mushra(training, "Practice", _one_line(TRAINING)),
            ["random", *(_mushra(page, "Quality", RATE) for page in pages)],
            {
                "type": "finish",
                "name": "Thank you",
                "content": THANKS,
                "popupContent": "Your results were sent. You may close the window.",
                "showResults": False,
                "showErrors": True,
                "writeResults": True,
                "questionnaire": [
                    {"type": "text", "label": "Your initials or a nickname", "name": LISTENER},
                    {
                        "type": "likert",
                        "label": "Did you wear headphones?",
                        "name": HEADPHONES,
                        "response": [
                            {"value": "yes", "label": "Yes"},
                            {"value": "no", "label": "No"},
                        ],
                    },
                ],
            },
        ],
    }


def to_yaml(value: Mapping[str, Any]) -> str:
    """Write a configuration, whose keys are plain words, as YAML with a line break at the end."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Mapping[str, Any] | Sequence[Any]) -> list[str]:
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list):
                lines += [f"{key}:", *_indented(_lines(item))]
            else:
                lines.append(f"{key}: {_scalar(item)}")
        return lines
    for item in value:
        if isinstance(item, Mapping):
            first, *rest = _lines(item)
            lines += [f"- {first}", *_indented(rest)]
        elif isinstance(item, list):
            lines += ["-", *_indented(_lines(item))]
        else:
            lines.append(f"- {_scalar(item)}")
    return lines


def _scalar(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _mushra(page: Mapping[str, Any], name: str, content: str) -> dict[str, Any]:
    return {
        "type": "mushra",
        "id": page["id"],
        "name": name,
        "content": content,
        "showWaveform": False,
        "enableLooping": True,
        "reference": page["reference"],
        "createAnchor35": False,
        "createAnchor70": False,
        "randomize": True,
        "showConditionNames": False,
        "stimuli": page["stimuli"],
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())
