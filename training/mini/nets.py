"""The networks, in diffusers' and transformers' own classes, small; and Muon for their matrices and kernels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from diffusers import AutoencoderTiny, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

SIDE, LATENT, WIDTH, LENGTH = 64, 16, 128, 32
BLOCKS = (80, 112)
SEEN = 256
"""Values of the image encoder: as many as imajin-mini-clip has, which it is taught by."""


def autoencoder() -> AutoencoderTiny:
    """64 x 64 x 3 levels as 8 x 8 x 16 values: three halvings, nothing but convolutions."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32,) * 4, decoder_block_out_channels=(32,) * 4, num_encoder_blocks=(0, 0, 1, 2),
        num_decoder_blocks=(2, 1, 1, 0), latent_channels=LATENT, upsampling_scaling_factor=2,
    )  # fmt: skip


def unet() -> UNet2DConditionModel:
    """The denoiser. The prompt works in two ways: by attention, and pooled, beside the time, on every block's scale and shift."""
    return UNet2DConditionModel(
        sample_size=SIDE // 8, in_channels=LATENT, out_channels=LATENT, block_out_channels=BLOCKS, layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn", cross_attention_dim=WIDTH, attention_head_dim=4, norm_num_groups=16,
        resnet_time_scale_shift="scale_shift", addition_embed_type="text", addition_embed_type_num_heads=4,
        use_linear_projection=True,
    )  # fmt: skip


def text_model(vectors: Tensor, ends: tuple[int, int]) -> CLIPTextModel:
    """CLIP's text model over tokens whose first ``vectors`` are given; ``ends`` are the numbers of the two marks."""
    net = CLIPTextModel(CLIPTextConfig(
        vocab_size=len(vectors), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=LENGTH, projection_dim=WIDTH, hidden_act="gelu", bos_token_id=ends[0], eos_token_id=ends[1],
        pad_token_id=ends[1],
    ))  # fmt: skip
    with torch.no_grad():
        net.get_input_embeddings().weight.copy_(vectors)
    return net


def scheduler() -> DDIMScheduler:
    """Noise by the cosine schedule up to nothing but noise, so that a white ground stays white; velocity is predicted."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample=False,
        set_alpha_to_one=True, timestep_spacing="trailing", steps_offset=1,
    )  # fmt: skip


def controlnet(base: UNet2DConditionModel) -> ControlNetModel:
    """A ControlNet that begins as the encoder of ``base``, its middle a single block, to be small."""
    told = base.config
    net = ControlNetModel(
        in_channels=LATENT, down_block_types=told.down_block_types, mid_block_type="UNetMidBlock2D", block_out_channels=BLOCKS,
        layers_per_block=1, cross_attention_dim=WIDTH, attention_head_dim=4, norm_num_groups=16,
        resnet_time_scale_shift="scale_shift", addition_embed_type="text", addition_embed_type_num_heads=4,
        use_linear_projection=True, conditioning_embedding_out_channels=(8, 16, 32, 48),
    )  # fmt: skip
    own = net.state_dict()
    net.load_state_dict({k: v for k, v in base.state_dict().items() if k in own and own[k].shape == v.shape}, strict=False)
    return net


def vision_model() -> CLIPVisionModelWithProjection:
    """CLIP's vision model for the IP-Adapter, 8 x 8 patches of 8 pixels."""
    return CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE, patch_size=8,
        projection_dim=SEEN, hidden_act="gelu",
    ))  # fmt: skip


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024), kernels taken as matrices; a step's size is matched to AdamW's (Liu et al. 2025)."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step."""
        del closure
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                kept = state.setdefault("momentum", torch.zeros_like(p))
                kept.lerp_(p.grad, 1 - group["momentum"])
                way = orthogonal(p.grad.lerp(kept, group["momentum"]).flatten(1))
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(way.view_as(p), alpha=-group["lr"] * 0.2 * max(way.shape) ** 0.5)


def orthogonal(m: Tensor) -> Tensor:
    """The nearest matrix with singular values of about one, by five steps of Newton and Schulz's."""
    tall = m.shape[0] > m.shape[1]
    x = m.T if tall else m
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


def optimisers(nets: Iterable[nn.Module], rate: float) -> list[torch.optim.Optimizer]:
    """Muon for what is inside the networks, AdamW for their ends, tables, norms and offsets."""
    inner: list[nn.Parameter] = []
    outer: list[nn.Parameter] = []
    for net in nets:
        for name, p in net.named_parameters():
            if not p.requires_grad:
                continue
            ends = ("embeddings", "conv_in", "conv_out", "layers.0.weight", "controlnet")
            is_end = any(word in name for word in ends) or name.startswith(("encoder.layers.0.", "decoder.layers.0."))
            (outer if p.ndim < 2 or is_end or min(p.flatten(1).shape) < 8 else inner).append(p)
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(outer, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)]
    if inner:
        made.append(Muon(inner, lr=rate))
    return made
