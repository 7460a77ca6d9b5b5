"""The params of `generate` that a diffusion model takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params

FILES = frozenset({"image", "mask", "control", "ip_adapter", "lora", "embedding", "tiny_vae", "gguf"})
"""Params that name files: what is in them is part of the key, where they lie is not."""


class DiffusionParams(Params):
    """What a diffusion model is told. What is left at None follows from the model."""

    model: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="Diffusion model: a name in the model catalogue, or a folder in diffusers' format.",
        ),
    ] = None
    negative: Annotated[
        str | None, Field(max_length=2000, description="What a diffusion model is to keep away from.")
    ] = None
    steps: Annotated[int | None, Field(ge=1, le=200, description="Denoising steps; by default the model's own.")] = None
    guidance: Annotated[
        float | None, Field(ge=0, le=50, description="How closely the prompt is followed; by default the model's own.")
    ] = None
    scheduler: Annotated[
        Literal[
            "ddim", "ddpm", "dpm++", "dpm++-karras", "dpm++-sde", "euler", "euler-a", "heun", "lcm", "pndm", "unipc"
        ]
        | None,
        Field(description="Scheduler of sd15 and sdxl models; by default the model's own."),
    ] = None
    clip_skip: Annotated[
        int | None, Field(ge=1, le=8, description="Layers of CLIP to leave out at its end (sd15 and sdxl models).")
    ] = None
    image: Annotated[
        str | None,
        Field(max_length=1024, description="Picture to begin from (img2img, inpaint); init: the one of the asset's layout."),
    ] = None
    mask: Annotated[
        str | None, Field(max_length=1024, description="Mask of the picture's size: white is painted anew (inpaint).")
    ] = None
    strength: Annotated[
        float, Field(ge=0.01, le=1, description="How far to go from the picture that is begun from.")
    ] = 0.6
    control: Annotated[
        list[str],
        Field(
            max_length=8,
            description="MODEL, MODEL=KIND or MODEL=FILE, and @SCALE: a ControlNet (folder or name) and its map, the asset's "
            "own or a file.",
        ),
    ] = []
    ip_adapter: Annotated[
        str | None,
        Field(
            max_length=2048, description="FOLDER=PICTURE or FOLDER=PICTURE@SCALE: an IP-Adapter, and what it looks at."
        ),
    ] = None
    lora: Annotated[
        list[str],
        Field(max_length=8, description="FILE or FILE@SCALE: a LoRA in safetensors, or one of the catalogue by name."),
    ] = []
    fuse_lora: Annotated[
        bool, Field(description="Add the LoRAs to the model's weights instead of running beside them: faster steps.")
    ] = False
    embedding: Annotated[
        list[str],
        Field(
            max_length=8,
            description="FILE or FILE=WORD: vectors in safetensors that a word of the prompt stands for (textual inversion).",
        ),
    ] = []
    dtype: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        Field(description="Number format; auto: bf16 where it is faster, else fp16 on a GPU and fp32 on a CPU."),
    ] = "auto"
    threads: Annotated[
        int | None,
        Field(ge=1, le=512, description="Threads on a CPU; by default OMP_NUM_THREADS, else one for each core."),
    ] = None
    channels_last: Annotated[
        bool | None,
        Field(description="Lay convolutions out by channels last; by default on NVIDIA GPUs alone."),
    ] = None
    compile: Annotated[
        bool, Field(description="Compile the blocks that repeat: the first picture waits for it, later ones are faster.")
    ] = False
    offload: Annotated[
        Literal["auto", "none", "model", "group"],
        Field(
            description="On a GPU, what does not work waits in main memory: whole parts, or layers; auto: as much as must."
        ),
    ] = "auto"
    step_cache: Annotated[
        float | None,
        Field(
            gt=0,
            le=1,
            description="Leave out most of a step where its first block changed by less than this (flux, Qwen); "
            "0.05 to 0.2.",
        ),
    ] = None
    tiny_vae: Annotated[
        str | None,
        Field(max_length=1024, description="Folder or name of a tiny autoencoder (TAESD and its like) to decode by."),
    ] = None
    quant: Annotated[
        Literal["int8", "nf4"] | None,
        Field(
            description="Keep the denoiser's weights in 8-bit integers, or 4-bit floats (NVIDIA GPUs): less memory, a slightly "
            "other picture."
        ),
    ] = None
    gguf: Annotated[
        str | None,
        Field(max_length=1024, description="GGUF file of the denoiser's weights, in place of the model's own: less memory."),
    ] = None
    batch: Annotated[int, Field(ge=1, le=64, description="Candidates that a diffusion model paints at once.")] = 1
    preview_every: Annotated[
        int, Field(ge=0, le=200, description="Show a small picture of what there is every so many steps; 0: never.")
    ] = 0
    deterministic: Annotated[
        bool,
        Field(
            description="Paint one candidate at a time by deterministic algorithms: the same bytes on the same machine."
        ),
    ] = False
