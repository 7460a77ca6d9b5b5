"""Tiny, randomly initialised models of diffusers' true classes, built from configs in code and written as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxControlNetModel,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtAlphaPipeline,
    PixArtTransformer2DModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

torch.set_num_threads(1)


def _clip_tokenizer() -> CLIPTokenizer:
    """Every byte a token, with and without the end of a word."""
    from transformers.models.clip.tokenization_clip import CLIPTokenizer as Own

    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters += [chr(256 + at) for at in range(256 - len(letters))]
    vocab = {piece: at for at, piece in enumerate([*letters, *(letter + "</w>" for letter in letters)])}
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocab[special] = len(vocab)
    return Own(vocab=vocab, merges=[], model_max_length=77)


def _t5_tokenizer() -> T5TokenizerFast:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(97, 123)]
    return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=32)


def _clip(width: int, *, projected: int | None = None) -> Any:
    torch.manual_seed(1)
    config = CLIPTextConfig(
        vocab_size=514, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=2,
        max_position_embeddings=77, projection_dim=projected or width, bos_token_id=512, eos_token_id=513, pad_token_id=513,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def _t5(width: int) -> T5EncoderModel:
    torch.manual_seed(2)
    return T5EncoderModel(
        T5Config(vocab_size=32, d_model=width, d_kv=8, d_ff=2 * width, num_layers=1, num_heads=2, dropout_rate=0.0)
    ).eval()


def _vae(channels: int = 4, downs: int = 4) -> AutoencoderKL:
    torch.manual_seed(3)
    return AutoencoderKL(
        block_out_channels=[8] * downs, norm_num_groups=4, in_channels=3, out_channels=3, latent_channels=channels,
        down_block_types=["DownEncoderBlock2D"] * downs, up_block_types=["UpDecoderBlock2D"] * downs,
        shift_factor=0.0, scaling_factor=0.5,
    )  # fmt: skip


_UNET: dict[str, Any] = {
    "block_out_channels": (8, 16), "layers_per_block": 1, "in_channels": 4, "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "attention_head_dim": 8,
}  # fmt: skip


def _unet(cross: int, *, xl: bool = False) -> UNet2DConditionModel:
    torch.manual_seed(4)
    more: dict[str, Any] = {}
    if xl:
        more = {
            "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "use_linear_projection": True,
            "projection_class_embeddings_input_dim": 6 * 8 + 16,
        }  # fmt: skip
    return UNet2DConditionModel(
        sample_size=8, out_channels=4, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=cross,
        **_UNET, **more,
    )  # fmt: skip


def _scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def sd15(folder: Path) -> Path:
    StableDiffusionPipeline(
        vae=_vae(), text_encoder=_clip(16), tokenizer=_clip_tokenizer(), unet=_unet(16), scheduler=_scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def sdxl(folder: Path) -> Path:
    StableDiffusionXLPipeline(
        vae=_vae(), text_encoder=_clip(16), text_encoder_2=_clip(16, projected=16), tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(), unet=_unet(32, xl=True), scheduler=EulerDiscreteScheduler(timestep_spacing="trailing"),
        add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


_FLUX: dict[str, Any] = {
    "patch_size": 1, "in_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 16,
    "num_attention_heads": 2, "joint_attention_dim": 32, "pooled_projection_dim": 16, "axes_dims_rope": [4, 4, 8],
}  # fmt: skip


def flux(folder: Path) -> Path:
    torch.manual_seed(5)
    FluxPipeline(
        transformer=FluxTransformer2DModel(guidance_embeds=True, **_FLUX), vae=_vae(4, 4), text_encoder=_clip(16),
        tokenizer=_clip_tokenizer(), text_encoder_2=_t5(32), tokenizer_2=_t5_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def pixart(folder: Path) -> Path:
    """A model of a family that has no module of its own."""
    torch.manual_seed(6)
    transformer = PixArtTransformer2DModel(
        sample_size=8, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=2, caption_channels=32,
        in_channels=4, cross_attention_dim=16, out_channels=8, attention_bias=True, norm_elementwise_affine=False,
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", use_additional_conditions=False,
    )  # fmt: skip
    PixArtAlphaPipeline(
        tokenizer=_t5_tokenizer(), text_encoder=_t5(32), vae=_vae(), transformer=transformer, scheduler=_scheduler()
    ).save_pretrained(folder)
    return folder


def controlnet(folder: Path, family: str) -> Path:
    torch.manual_seed(7)
    if family == "flux":
        net: Any = FluxControlNetModel(guidance_embeds=True, **_FLUX)
    else:
        more: dict[str, Any] = {}
        if family == "sdxl":
            more = {
                "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "use_linear_projection": True,
                "projection_class_embeddings_input_dim": 6 * 8 + 16,
            }  # fmt: skip
        net = ControlNetModel(
            cross_attention_dim=16 if family == "sd15" else 32,
            conditioning_embedding_out_channels=(4, 4, 4, 8),
            **_UNET,
            **more,
        )
    # A fresh ControlNet adds nothing: its last layers are zero until they are trained.
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.08)
    net.save_pretrained(folder)
    return folder


def ip_adapter(folder: Path, family: str) -> Path:
    """Weights in the published layout, and a tiny CLIP vision encoder."""
    from safetensors.torch import save_file

    torch.manual_seed(9)
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8,
        projection_dim=12,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).eval().save_pretrained(folder / "image_encoder")
    cross = 16 if family == "sd15" else 32
    weights = {
        "image_proj.proj.weight": torch.randn(4 * cross, 12), "image_proj.proj.bias": torch.randn(4 * cross),
        "image_proj.norm.weight": torch.ones(cross), "image_proj.norm.bias": torch.zeros(cross),
    }  # fmt: skip
    unet = _unet(cross, xl=family == "sdxl")
    layers = [name for name in unet.attn_processors if ".attn2." in name]
    for at, name in enumerate(layers):
        layer = unet.get_submodule(name.removesuffix(".processor"))
        for side in ("k", "v"):
            weights[f"ip_adapter.{2 * at + 1}.to_{side}_ip.weight"] = torch.randn(layer.to_k.out_features, cross)
    save_file(weights, str(folder / "ip-adapter.safetensors"))
    return folder


def lora(path: Path, family: str, *, rank: int = 2, wrong: bool = False) -> Path:
    from safetensors.torch import save_file

    torch.manual_seed(8)
    if family == "flux":
        model, prefix = FluxTransformer2DModel(guidance_embeds=True, **_FLUX), "transformer"
    else:
        model, prefix = _unet(16 if family == "sd15" else 32, xl=family == "sdxl"), "unet"
    weights = {}
    for name, layer in model.named_modules():
        if name.endswith((".to_q", ".to_v")) and isinstance(layer, torch.nn.Linear):
            inner = layer.in_features + (3 if wrong else 0)
            weights[f"{prefix}.{name}.lora_A.weight"] = torch.randn(rank, inner)
            weights[f"{prefix}.{name}.lora_B.weight"] = torch.randn(layer.out_features, rank)
    save_file(weights, str(path))
    return path


MAKERS = {"sd15": sd15, "sdxl": sdxl, "flux": flux, "auto": pixart}
