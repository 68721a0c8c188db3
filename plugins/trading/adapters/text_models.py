"""Files of trained scorers of texts: plain JSON whose name is the hash of its bytes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trading.analysis.text_model import FEATURES
from trading.domain.lexicon import LEXICON
from trading.domain.sentiment import TextModel
from trading.errors import PermanentError

FOLDER = "text_models"
FORMAT = "airdesk text model 1"


def store_text_model(folder: Path, model: TextModel, about: Mapping[str, object]) -> tuple[Path, str]:
    """Write `model`, with what is worth knowing about it, and return the file and the hash of its bytes."""
    content = {"format": FORMAT, "about": about, **{k: v for k, v in asdict(model).items() if k != "sha256"}}
    data = json.dumps(content, sort_keys=True).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{sha256}.json"
    path.write_bytes(data)
    return path, sha256


def load_text_model(folder: Path, sha256: str) -> TextModel:
    """Return the stored model with this hash.

    Raises:
        PermanentError: there is none, its bytes have another hash, it is of another lexicon, or it is no model.
    """
    path = folder / f"{sha256}.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PermanentError(
            f"no text model {sha256} in {folder} ({error.strerror}); train one with ./airdesk model train-sentiment, "
            "or unset AIRDESK_TEXT_MODEL"
        ) from error
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise PermanentError(f"{path} was changed: its hash is {found}; train it again, or unset AIRDESK_TEXT_MODEL")
    return _checked(path, json.loads(data), sha256)


def _checked(path: Path, content: dict[str, Any], sha256: str) -> TextModel:
    if content.get("format") != FORMAT:
        raise PermanentError(f"{path} is no {FORMAT}; train it again with ./airdesk model train-sentiment")
    if content["lexicon"] != LEXICON:
        raise PermanentError(
            f"{path} was trained on lexicon {content['lexicon']}, and this code holds {LEXICON}; train it again"
        )
    model = TextModel(
        sha256=sha256,
        lexicon=LEXICON,
        terms={term: tuple(values) for term, values in content["terms"].items()},
        features=tuple(map(tuple, content["features"])),
        intercepts=tuple(content["intercepts"]),
    )
    rows = [*model.terms.values(), *model.features, model.intercepts]
    is_whole = len(model.features) == len(FEATURES) and all(len(v) == 4 for v in model.terms.values())
    if not is_whole or not all(math.isfinite(value) for row in rows for value in row):
        raise PermanentError(f"{path} lacks weights, or holds one that is no number; train it again")
    return model
