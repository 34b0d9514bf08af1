"""A model with its door, and every ability as a method: the Python front door.

from langit import Studio
Studio("pocket").generate("a red ball bounces on snow", seed=7)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from langit.bundle.provenance import Provenance
from langit.config import canonical, digest_of, dump
from langit.device import CPU, Placement
from langit.families.load import OpenBundle, open_model
from langit.generate import Model
from langit.generate.fitting import Fit
from langit.generate.footage import Rate
from langit.generate.inputs import check_seed
from langit.generate.tiles import Tiles
from langit.release import Door, Facts
from langit.studio.gated import gated_expander
from langit.studio.job import StudioJob
from langit.studio.keywords import OPTIONS, Keywords
from langit.studio.models import check_requests
from langit.studio.naming import check_home, check_outputs, claim_free_path, claim_paths, outputs_folder
from langit.studio.opening import (
    LoraFile,
    check_compiling,
    check_loras,
    check_memory,
    check_weights,
    compile_transformers,
    describe_loras,
    loading_placement,
    pack_transformers,
    remember_embeddings,
    settle_weights,
)
from langit.studio.options import StudioOptions
from langit.studio.request import StudioRequest
from langit.studio.result import ReleasedVideo
from langit.studio.text_requests import GenerateRequest, ImageRequest, MinuteRequest, StoryboardRequest
from langit.studio.video_requests import (
    ConnectRequest,
    EditRequest,
    ExtendRequest,
    InpaintRequest,
    LoopRequest,
    RecutRequest,
)

Media = Path | str | ReleasedVideo
"""A video or picture that is given: a file, or a result."""


class Studio:
    """An open model. Use one instance from one thread at a time: torch's thread count is changed while it works.

    Args:
        model: a model's name, a bundle's folder, or open weights: a folder in diffusers' layout, or OWNER/NAME on the
            hub.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: auto, fp32, bf16 or fp16.
        offload: none, parts (one part of the model is on the device at a time) or blocks (two layers at a time).
        weights: what linear weights are kept in: fp8, int8, or the dtype.
        loras: files as [high=|low=]FILE[:WEIGHT], added to the weights in this order.
        tiled: decode large frames in overlapping tiles, in less memory.
        compiled: compile one block of the transformer for all (torch.compile), which takes a while at the first step.
        requests: what will be generated; it is checked to fit before open weights are loaded.

    Raises:
        ValueError: there is no such model, device or dtype, the model or a LoRA is damaged, or they do not fit.
        OSError: LANGIT_HOME cannot be written to.
    """

    def __init__(
        self,
        model: str | Path = "pocket",
        *,
        device: str = "auto",
        dtype: str = "auto",
        offload: str = "none",
        weights: str = "",
        loras: Sequence[str] = (),
        tiled: bool = False,
        compiled: bool = False,
        requests: Sequence[StudioRequest] = (),
    ) -> None:
        check_home()  # before the model is loaded, let alone a video generated: keys and the ledger are written last
        placement = Placement.choose(device, dtype, offload)
        storage, files = check_weights(weights, placement), [LoraFile.parse(text) for text in loras]
        check_compiling(compiled, model, placement, storage)
        check_requests(model, requests)
        check_loras(model, files)
        check_memory(model, placement, storage, requests, tiled)
        self.bundle = open_model(model, loading_placement(placement, storage))
        self.offloaded = settle_weights(self.bundle, placement, storage, files)
        self.changed_by = describe_loras(files)
        if isinstance(self.bundle, OpenBundle):
            remember_embeddings(self.bundle.text, self.bundle.provenance.digest, placement)
        self.door = Door.of(self.bundle)
        self.model = Model.of(self.bundle)
        if tiled:
            self.model = replace(self.model, tiles=Tiles())
        if compiled:
            compile_transformers(self.bundle)
        else:
            pack_transformers(self.bundle, placement, storage)

    def __repr__(self) -> str:
        placement = self.model.placement
        dtype = str(placement.dtype).removeprefix("torch.")
        return f"<Studio {self.bundle.provenance.model!r} on {placement.device} in {dtype}>"

    def prepare(
        self, request: StudioRequest, options: StudioOptions | None = None, seeds: Sequence[int] | None = None
    ) -> tuple[StudioJob, ...]:
        """Check a request, pass its texts through the gates, rewrite them, and read what is given.

        Args:
            request: what to generate.
            options: how; the model's own values if left out.
            seeds: one for each job; the request's own if left out.

        Returns:
            A job for each seed. Nothing has been generated or written yet.

        Raises:
            Refused: the prompt gate refuses a text.
            ValueError, OSError: something cannot be used; the message says what and how to mend it.
        """
        request.check()
        options = StudioOptions() if options is None else options
        seeds = [check_seed(seed) for seed in ([request.default_seed] if seeds is None else seeds)]
        sampling = options.sampling(self.model)
        # An adapter is merged once and kept: the next request with the same preset is ready at once.
        self.model = self.model.fuse(sampling)
        work = request.prepare(self.model)  # reads the given files once for all seeds
        ask = functools.partial(self.door.ask, ability=request.ability)
        # Texts that are not expanded pass the gate here; the others pass it before and after their expansion.
        ask(*request.fixed_texts, *([options.negative] if options.negative else []))
        expand = gated_expander(options.expander(request.has_media, self.model), self.model, ask, options.strict)
        general = options.notes(self.model, sampling)
        jobs = []
        for seed in seeds:
            expansions = tuple(expand(text, seed) for text in request.texts)
            changed = any(expansion.changed for expansion in expansions)
            facts = Facts(
                model=self.bundle.provenance.model,
                prompt=" | ".join(expansion.text for expansion in expansions),
                seed=seed,
                fps=self.model.fps,
                steps=sampling.steps,
                guidance=sampling.guidance,
                provenance=self.bundle.provenance.digest,
                ledger=self.bundle.provenance.ledger,
                base=describe_base(self.bundle.provenance),
                ability=request.ability,
                asked="; ".join(expansion.original for expansion in expansions) if changed else "",
                sampling=canonical({**dump(sampling), **self.changed_by}).decode(),
                placement=describe_placement(self.model.placement),
            )
            lines = [line for expansion in expansions for line in expansion.lines()]
            jobs.append(
                StudioJob(
                    model=self.model,
                    door=self.door,
                    work=work,
                    facts=facts,
                    sampling=sampling,
                    expansions=expansions,
                    suffix=request.suffix,
                    notes=tuple(dict.fromkeys((*general, *lines))),
                    parent_names=options.parent_names,
                )
            )
        return tuple(jobs)

    def run(self, request: StudioRequest, **keywords: Unpack[Keywords]) -> ReleasedVideo:
        """Generate one video of a request and release it to a file; see :class:`Keywords`.

        Raises:
            Refused: a gate refuses the prompt or the frames.
            ValueError, OSError: something cannot be used; the message says what and how to mend it.
        """
        request.check()
        options = StudioOptions(**{name: keywords[name] for name in OPTIONS if name in keywords})  # type: ignore[literal-required]
        chosen, overwrite = keywords.get("seed"), keywords.get("overwrite", False)
        seed = request.default_seed if chosen is None else chosen
        output, preview = keywords.get("output"), keywords.get("preview")
        preview = None if preview is None else Path(preview)
        with ExitStack() as claims:
            if output is None:
                path = claims.enter_context(claim_free_path(outputs_folder(), request.title, seed, request.suffix))
            else:
                path = Path(output)
                check_outputs([path], request.suffixes, overwrite)
                claims.enter_context(claim_paths([path], overwrite))
            if preview is not None:
                check_outputs([path], request.suffixes, overwrite, preview)
                claims.enter_context(claim_paths([preview], overwrite))
            # Claimed first: a name that is taken should cost no time.
            (job,) = self.prepare(request, options, [seed])
            return job.run(
                path,
                overwrite=overwrite,
                on_progress=keywords.get("on_progress"),
                on_preview=keywords.get("on_preview"),
                preview=preview,
            )

    def generate(
        self,
        prompt: str,
        *,
        size: str | None = None,
        frames: int | None = None,
        seconds: float | None = None,
        image: Media | None = None,
        last: Media | None = None,
        references: Sequence[Media] = (),
        fit: Fit | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Generate a video from a prompt, and from pictures for the first and the last frame if they are given.

        ``references`` are pictures of what shall appear, for models that take them.
        """
        request = GenerateRequest(
            prompt=prompt,
            size=size,
            frames=frames,
            seconds=seconds,
            image=None if image is None else as_path(image),
            last=None if last is None else as_path(last),
            references=tuple(as_path(each) for each in references),
            fit=fit,
        )
        return self.run(request, **keywords)

    def image(self, prompt: str, *, size: str | None = None, **keywords: Unpack[Keywords]) -> ReleasedVideo:
        """Generate an image from a prompt."""
        return self.run(ImageRequest(prompt=prompt, size=size), **keywords)

    def minute(
        self, prompt: str, *, seconds: float = 60.0, size: str | None = None, **keywords: Unpack[Keywords]
    ) -> ReleasedVideo:
        """Generate a long video, window after window, in constant memory."""
        return self.run(MinuteRequest(prompt=prompt, seconds=seconds, size=size), **keywords)

    def storyboard(
        self, board: Path | str, *, fit: Fit | None = None, rate: Rate | None = None, **keywords: Unpack[Keywords]
    ) -> ReleasedVideo:
        """Generate a video from a file of timed cards; docs/generate.md describes it."""
        return self.run(StoryboardRequest.read(Path(board), fit, rate), **keywords)

    def extend(
        self,
        video: Media,
        prompt: str = "",
        *,
        seconds: float = 2.0,
        before: bool = False,
        fit: Fit | None = None,
        rate: Rate | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Continue a video after its end or before its beginning."""
        path = as_path(video)
        request = ExtendRequest(video=path, prompt=prompt, seconds=seconds, before=before, fit=fit, rate=rate)
        return self.run(request, **keywords)

    def loop(
        self,
        video: Media,
        prompt: str = "",
        *,
        seconds: float = 1.0,
        fit: Fit | None = None,
        rate: Rate | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Add a bridge from a video's end to its beginning, so that it can be played in a loop."""
        request = LoopRequest(video=as_path(video), prompt=prompt, seconds=seconds, fit=fit, rate=rate)
        return self.run(request, **keywords)

    def connect(
        self,
        first: Media,
        second: Media,
        prompt: str = "",
        *,
        seconds: float | None = None,
        blend: float | None = None,
        fit: Fit | None = None,
        rate: Rate | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Join two videos with a bridge, or blend one into the other."""
        request = ConnectRequest(
            video=as_path(first),
            second=as_path(second),
            prompt=prompt,
            seconds=seconds,
            blend=blend,
            fit=fit,
            rate=rate,
        )
        return self.run(request, **keywords)

    def edit(
        self,
        video: Media,
        prompt: str,
        *,
        strength: float = 0.6,
        fit: Fit | None = None,
        rate: Rate | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Generate a video again with another prompt."""
        request = EditRequest(video=as_path(video), prompt=prompt, strength=strength, fit=fit, rate=rate)
        return self.run(request, **keywords)

    def inpaint(
        self,
        video: Media,
        prompt: str,
        *,
        mask: Path | str,
        strength: float = 1.0,
        fit: Fit | None = None,
        rate: Rate | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Generate a region of a video anew; every other pixel stays."""
        request = InpaintRequest(
            video=as_path(video), prompt=prompt, mask=Path(mask), strength=strength, fit=fit, rate=rate
        )
        return self.run(request, **keywords)

    def recut(
        self,
        video: Media,
        prompt: str = "",
        *,
        seconds: float,
        start: float = 0.0,
        end: float | None = None,
        before: float | None = None,
        fit: Fit | None = None,
        rate: Rate | None = None,
        **keywords: Unpack[Keywords],
    ) -> ReleasedVideo:
        """Keep a part of a video and generate new frames before and after it."""
        request = RecutRequest(
            video=as_path(video),
            prompt=prompt,
            seconds=seconds,
            start=start,
            end=end,
            before=before,
            fit=fit,
            rate=rate,
        )
        return self.run(request, **keywords)


def describe_placement(placement: Placement) -> str:
    """The hardware and dtype, as a fact of a video: "NVIDIA H200, bfloat16". Empty for single precision on a CPU."""
    if placement.device.type == "cpu" and placement.dtype == CPU.dtype:
        return ""
    return f"{placement.name}, {str(placement.dtype).removeprefix('torch.')}"


def describe_base(provenance: Provenance) -> str:
    """The base weights of open weights as JSON: source, licence, makers and a digest of all files; empty for others."""
    base = provenance.recipe.get("base")
    if not isinstance(base, dict):
        return ""
    return canonical({**base, "files": digest_of(dict(provenance.files))}).decode()


def as_path(media: Media) -> Path:
    """The file of a given video or picture."""
    return media.path if isinstance(media, ReleasedVideo) else Path(media)
