"""Frames judged by an image-classification model of ``transformers`` on this machine, some of each second.

Reads safetensors only and runs no code of the folder. What its labels mean is the settings' to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from langit.release.gates.finding import Finding
from langit.release.gates.guard import check_labels
from langit.release.gates.prompt import Setting

RULE = "picture"


class Classifier:
    """A model; one for many videos.

    Raises:
        ValueError: the labels that are set are not the model's.
        OSError: there is no such model.
    """

    def __init__(self, name: str, labels: Mapping[str, Setting], threshold: float) -> None:
        folder = Path(name).expanduser()
        if not name or not folder.is_dir():
            raise OSError(f"there is no folder {name!r} that holds an image classifier: give one")
        from transformers import AutoImageProcessor, AutoModelForImageClassification

        try:
            self._prepare: Any = AutoImageProcessor.from_pretrained(str(folder), local_files_only=True)
            self._model: Any = AutoModelForImageClassification.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError) as error:
            first = str(error).strip().split("\n")[0]
            raise OSError(f"no image classifier can be read from {name}: {first}") from None
        check_labels("model_labels", labels, self._model.config.id2label.values(), name)
        self._name, self._labels, self._threshold = folder.name, dict(labels), threshold

    def judge(self, frame: UInt8[np.ndarray, "H W 3"], seconds: float) -> list[Finding]:
        """What the model says of one frame, of the labels from which something follows."""
        import torch

        given = self._prepare(images=frame, return_tensors="pt", input_data_format="channels_last")
        with torch.no_grad():
            logits = self._model(**given).logits[0]
        several = self._model.config.problem_type == "multi_label_classification" or len(logits) == 1
        shares = (logits.sigmoid() if several else logits.softmax(-1)).tolist()
        found = []
        for number, share in enumerate(shares):
            label = self._model.config.id2label[number]
            setting = self._labels.get(label, "off")
            if setting != "off" and share >= self._threshold:
                found.append(Finding(RULE, f"{self._name} says {label}, {share:.2f}, at {seconds:.2f} s", setting))
        return found
