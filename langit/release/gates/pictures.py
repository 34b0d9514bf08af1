"""Judges frames with an image-classification model of ``transformers`` on this machine.

Reads safetensors only and runs no code of the folder. The settings say what follows from its labels.
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


class FrameClassifier:
    """A loaded model, shared by many videos.

    Raises:
        ValueError: the settings name labels that the model does not have.
        OSError: there is no such model.
    """

    def __init__(self, name: str, labels: Mapping[str, Setting], threshold: float) -> None:
        folder = Path(name).expanduser()
        if not name or not folder.is_dir():
            raise OSError(f"there is no folder {name!r} that holds an image classifier: set [frames] model to one")
        from transformers import AutoImageProcessor, AutoModelForImageClassification

        try:
            self._prepare: Any = AutoImageProcessor.from_pretrained(str(folder), local_files_only=True)
            self._model: Any = AutoModelForImageClassification.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError) as error:
            first_line = str(error).strip().split("\n")[0]
            raise OSError(f"no image classifier can be read from {name}: {first_line}") from None
        check_labels("model_labels", labels, self._model.config.id2label.values(), name)
        self._name, self._labels, self._threshold = folder.name, dict(labels), threshold

    def judge(self, frame: UInt8[np.ndarray, "H W 3"], seconds: float) -> list[Finding]:
        """Findings of one frame, for the labels that have an action."""
        import torch

        inputs = self._prepare(images=frame, return_tensors="pt", input_data_format="channels_last")
        with torch.no_grad():
            logits = self._model(**inputs).logits[0]
        independent = self._model.config.problem_type == "multi_label_classification" or len(logits) == 1
        scores = (logits.sigmoid() if independent else logits.softmax(-1)).tolist()
        found = []
        for index, score in enumerate(scores):
            label = self._model.config.id2label[index]
            setting = self._labels.get(label, "off")
            if setting != "off" and score >= self._threshold:
                found.append(Finding(RULE, f"{self._name} says {label}, {score:.2f}, at {seconds:.2f} s", setting))
        return found
