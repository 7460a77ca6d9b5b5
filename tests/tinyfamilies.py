"""Tiny models of the families whose text encoders are language models, and of Stable Diffusion 3.5; beside `tinymodels`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    FluxKontextPipeline,
    FluxTransformer2DModel,
    QwenImageControlNetModel,
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3ControlNetModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    ZImageControlNetModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    SiglipVisionConfig,
    SiglipVisionModel,
)

import tinymodels

_SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
)
_WORDS = 256 + len(_SPECIAL)


def _tokenizer() -> Qwen2Tokenizer:
    """Every byte a token."""
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters += [chr(256 + at) for at in range(256 - len(letters))]
    vocab = {piece: at for at, piece in enumerate([*letters, *_SPECIAL])}
    made = Qwen2Tokenizer(vocab=vocab, merges=[], model_max_length=2048)
    made.add_special_tokens({"additional_special_tokens": list(_SPECIAL[1:])})
    made.chat_template = _CHAT
    return made


def _id(special: str) -> int:
    return 256 + _SPECIAL.index(special)


def _qwen3(cls: Any, layers: int) -> Any:
    torch.manual_seed(11)
    return cls(
        Qwen3Config(
            vocab_size=_WORDS, hidden_size=16, intermediate_size=16, num_hidden_layers=layers, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8, max_position_embeddings=2048, bos_token_id=256, eos_token_id=256,
        )
    ).eval()  # fmt: skip


def _qwen_vl() -> Any:
    torch.manual_seed(12)
    text = {
        "vocab_size": _WORDS, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 4096, "bos_token_id": 256, "eos_token_id": 256,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
    }  # fmt: skip
    vision = {
        "depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16, "patch_size": 14,
        "fullatt_block_indexes": [0], "window_size": 112,
    }  # fmt: skip
    config = Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=_id("<|image_pad|>"), video_token_id=_id("<|video_pad|>"),
        vision_start_token_id=_id("<|vision_start|>"), vision_end_token_id=_id("<|vision_end|>"),
    )  # fmt: skip
    return Qwen2_5_VLForConditionalGeneration(config).eval()


def _with_processor(folder: Path) -> Path:
    """The processor's files as its own class would write them, which cannot be made without torchvision."""
    from transformers import Qwen2VLImageProcessor

    Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=56 * 56).save_pretrained(folder / "processor")
    _tokenizer().save_pretrained(folder / "processor")
    index = json.loads((folder / "model_index.json").read_text())
    index["processor"] = ["transformers", "Qwen2VLProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


_SD3: dict[str, Any] = {
    "sample_size": 8, "patch_size": 2, "in_channels": 16, "attention_head_dim": 8, "num_attention_heads": 4, "out_channels": 16,
    "joint_attention_dim": 32, "caption_projection_dim": 32, "pooled_projection_dim": 32, "pos_embed_max_size": 16,
    "qk_norm": "rms_norm",
}  # fmt: skip


def _sd3_transformer() -> SD3Transformer2DModel:
    torch.manual_seed(13)
    return SD3Transformer2DModel(num_layers=2, dual_attention_layers=(0,), **_SD3)


def sd3(folder: Path) -> Path:
    StableDiffusion3Pipeline(
        transformer=_sd3_transformer(), vae=tinymodels._vae(16), scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        text_encoder=tinymodels._clip(16, projected=16), tokenizer=tinymodels._clip_tokenizer(),
        text_encoder_2=tinymodels._clip(16, projected=16), tokenizer_2=tinymodels._clip_tokenizer(),
        text_encoder_3=tinymodels._t5(32), tokenizer_3=tinymodels._t5_tokenizer(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def kontext(folder: Path) -> Path:
    torch.manual_seed(5)
    FluxKontextPipeline(
        transformer=FluxTransformer2DModel(guidance_embeds=True, **tinymodels._FLUX), vae=tinymodels._vae(4, 4),
        text_encoder=tinymodels._clip(16), tokenizer=tinymodels._clip_tokenizer(), text_encoder_2=tinymodels._t5(32),
        tokenizer_2=tinymodels._t5_tokenizer(), scheduler=FlowMatchEulerDiscreteScheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _flux2_parts(*, guidance: bool, joint: int) -> dict[str, Any]:
    torch.manual_seed(14)
    vae = AutoencoderKLFlux2(latent_channels=4, block_out_channels=(8,) * 4, norm_num_groups=4, layers_per_block=1)
    transformer = _flux2_transformer(guidance=guidance, joint=joint)
    return {"vae": vae.eval(), "transformer": transformer, "scheduler": FlowMatchEulerDiscreteScheduler()}


def _flux2_transformer(*, guidance: bool, joint: int) -> Flux2Transformer2DModel:
    return Flux2Transformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=joint, timestep_guidance_channels=8, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=guidance,
    )  # fmt: skip


def flux2_klein(folder: Path) -> Path:
    Flux2KleinPipeline(
        text_encoder=_qwen3(Qwen3ForCausalLM, 27), tokenizer=_tokenizer(), is_distilled=True,
        **_flux2_parts(guidance=False, joint=48),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def flux2(folder: Path) -> Path:
    """Its own tokenizer is a processor that needs torchvision; a text tokenizer with a chat template is asked the same."""
    torch.manual_seed(15)
    text = {
        "model_type": "mistral", "vocab_size": _WORDS, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 30,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "bos_token_id": 256, "eos_token_id": 256,
    }  # fmt: skip
    vision = {
        "model_type": "pixtral", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "head_dim": 8, "image_size": 28, "patch_size": 14,
    }  # fmt: skip
    encoder = Mistral3ForConditionalGeneration(
        Mistral3Config(text_config=text, vision_config=vision, image_token_index=_id("<|image_pad|>"))
    ).eval()
    Flux2Pipeline(text_encoder=encoder, tokenizer=_tokenizer(), **_flux2_parts(guidance=True, joint=48)).save_pretrained(
        folder
    )
    return folder


def _z_transformer() -> ZImageTransformer2DModel:
    torch.manual_seed(16)
    made = ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16, axes_dims=[4, 6, 6],
        axes_lens=[1024, 64, 64],
    )  # fmt: skip
    # Made without values: they are trained.
    for token in (made.x_pad_token, made.cap_pad_token):
        torch.nn.init.zeros_(token)
    return made


def z_image(folder: Path) -> Path:
    ZImagePipeline(
        transformer=_z_transformer(), vae=tinymodels._vae(), text_encoder=_qwen3(Qwen3Model, 2), tokenizer=_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)  # fmt: skip
    return folder


_QWEN: dict[str, Any] = {
    "patch_size": 2, "in_channels": 16, "out_channels": 4, "attention_head_dim": 16, "num_attention_heads": 2,
    "joint_attention_dim": 16, "axes_dims_rope": (4, 6, 6),
}  # fmt: skip


def _qwen_parts() -> dict[str, Any]:
    torch.manual_seed(17)
    vae = AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4
    )
    return {
        "vae": vae.eval(), "transformer": QwenImageTransformer2DModel(num_layers=2, **_QWEN),
        "scheduler": FlowMatchEulerDiscreteScheduler(), "text_encoder": _qwen_vl(), "tokenizer": _tokenizer(),
    }  # fmt: skip


def qwen_image(folder: Path) -> Path:
    QwenImagePipeline(**_qwen_parts()).save_pretrained(folder)
    return folder


def qwen_image_edit(folder: Path) -> Path:
    QwenImageEditPipeline(processor=None, **_qwen_parts()).save_pretrained(folder)
    return _with_processor(folder)


def qwen_image_edit_plus(folder: Path) -> Path:
    QwenImageEditPlusPipeline(processor=None, **_qwen_parts()).save_pretrained(folder)
    return _with_processor(folder)


MAKERS: dict[str, Callable[[Path], Path]] = {
    **tinymodels.MAKERS,
    "sd3": sd3,
    "flux-kontext": kontext,
    "flux2": flux2,
    "flux2-klein": flux2_klein,
    "z-image": z_image,
    "qwen-image": qwen_image,
    "qwen-image-edit": qwen_image_edit,
    "qwen-image-edit-plus": qwen_image_edit_plus,
}


def controlnet(folder: Path, family: str, *, fill: bool = False) -> Path:
    """A ControlNet of ``family``; ``fill``: one that is told the mask too."""
    if family in ("sd15", "sdxl", "flux"):
        return tinymodels.controlnet(folder, family)
    torch.manual_seed(18)
    net: Any
    if family == "sd3":
        net = SD3ControlNetModel(num_layers=1, extra_conditioning_channels=1 if fill else 0, **_SD3)
    elif family == "qwen-image":
        net = QwenImageControlNetModel(num_layers=1, extra_condition_channels=4 if fill else 0, **_QWEN)
    else:
        net = ZImageControlNetModel(
            control_layers_places=[0], control_refiner_layers_places=[0], control_in_dim=9, dim=32, n_refiner_layers=1,
            n_heads=2, n_kv_heads=2,
        )  # fmt: skip
    # A fresh ControlNet adds nothing: its last layers are zero until they are trained.
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.08)
    net.save_pretrained(folder)
    return folder


def ip_adapter(folder: Path, family: str) -> Path:
    """Weights in the published layout, and a tiny vision encoder."""
    if family in ("sd15", "sdxl"):
        return tinymodels.ip_adapter(folder, family)
    torch.manual_seed(9)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    folder.mkdir()
    if family == "sd3":
        SiglipVisionModel(SiglipVisionConfig(**shape, image_size=32, patch_size=8)).eval().save_pretrained(
            folder / "image_encoder"
        )
        weights = _sd3_adapter()
    else:
        config = CLIPVisionConfig(**shape, image_size=32, patch_size=8, projection_dim=12)
        CLIPVisionModelWithProjection(config).eval().save_pretrained(folder / "image_encoder")
        # The names that FLUX.1's adapters were published with.
        layer = "double_blocks.0.processor.ip_adapter_double_stream"
        weights = {
            "ip_adapter_proj_model.proj.weight": torch.randn(4 * 32, 12), "ip_adapter_proj_model.proj.bias": torch.randn(4 * 32),
            "ip_adapter_proj_model.norm.weight": torch.ones(32), "ip_adapter_proj_model.norm.bias": torch.zeros(32),
            f"{layer}_k_proj.weight": torch.randn(32, 32), f"{layer}_k_proj.bias": torch.randn(32),
            f"{layer}_v_proj.weight": torch.randn(32, 32), f"{layer}_v_proj.bias": torch.randn(32),
        }  # fmt: skip
    save_file(weights, str(folder / "ip-adapter.safetensors"))
    return folder


def _sd3_adapter() -> dict[str, torch.Tensor]:
    from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
    from diffusers.models.embeddings import IPAdapterTimeImageProjection

    projection = IPAdapterTimeImageProjection(
        embed_dim=16, output_dim=32, hidden_dim=64, heads=1, num_queries=4, timestep_in_dim=8
    )
    weights = {f"image_proj.{name}": value for name, value in projection.state_dict().items()}
    # Two blocks, one of which has a second attention.
    for at in range(3):
        layer = SD3IPAdapterJointAttnProcessor2_0(
            hidden_size=32, ip_hidden_states_dim=32, head_dim=8, timesteps_emb_dim=64
        )
        weights |= {f"ip_adapter.{at}.{name}": value for name, value in layer.state_dict().items()}
    return {name: value.contiguous() for name, value in weights.items()}


_TRANSFORMERS: dict[str, Callable[[], Any]] = {
    "sd3": _sd3_transformer,
    "flux-kontext": lambda: FluxTransformer2DModel(guidance_embeds=True, **tinymodels._FLUX),
    "flux2": lambda: _flux2_transformer(guidance=True, joint=48),
    "flux2-klein": lambda: _flux2_transformer(guidance=False, joint=48),
    "z-image": _z_transformer,
    "qwen-image": lambda: QwenImageTransformer2DModel(num_layers=2, **_QWEN),
    "qwen-image-edit": lambda: QwenImageTransformer2DModel(num_layers=2, **_QWEN),
    "qwen-image-edit-plus": lambda: QwenImageTransformer2DModel(num_layers=2, **_QWEN),
}


def lora(path: Path, family: str, *, rank: int = 2, wrong: bool = False) -> Path:
    if family not in _TRANSFORMERS:
        return tinymodels.lora(path, family, rank=rank, wrong=wrong)
    torch.manual_seed(8)
    weights = {}
    for name, layer in _TRANSFORMERS[family]().named_modules():
        if name.endswith((".to_q", ".to_v")) and isinstance(layer, torch.nn.Linear):
            inner = layer.in_features + (3 if wrong else 0)
            weights[f"transformer.{name}.lora_A.weight"] = torch.randn(rank, inner)
            weights[f"transformer.{name}.lora_B.weight"] = torch.randn(layer.out_features, rank)
    save_file(weights, str(path))
    return path


def gguf_file(path: Path, part: Path) -> Path:
    """The weights of a denoiser's folder as a GGUF file under diffusers' names: 8 bits where rows are of whole blocks."""
    import gguf
    from safetensors.torch import load_file

    writer = gguf.GGUFWriter(str(path), "diffusion")
    for name, weight in sorted(load_file(part / "diffusion_pytorch_model.safetensors").items()):
        levels = weight.float().numpy()
        if levels.ndim == 2 and levels.shape[1] % 32 == 0 and name.endswith("weight") and "embed" not in name:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(levels, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, levels)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
