"""A small picture of a work that is not done: its latents, averaged to a few, by the model's own decoder or the tiny one.

The decoder's work grows with the area, so 32 latents a side cost a sixteenth of 128. What is seen still has its noise.
"""

from __future__ import annotations

import io
from typing import Any

# Latents a side at most: 256 px by an autoencoder that halves three times.
_SIDE = 32


def offered(pipe: Any) -> bool:
    """Whether the pipeline's latents can be shown: FLUX.2's are normed by its autoencoder's batch norm on the way."""
    return type(pipe.vae).__name__ in ("AutoencoderKL", "AutoencoderTiny", "AutoencoderKLQwenImage")


def png(pipe: Any, latents: Any, width: int, height: int) -> bytes:
    """The first candidate's latents as a PNG of at most 256 px a side."""
    import torch
    from PIL import Image

    own = latents[:1].detach()
    if own.ndim == 3:
        own = pipe._unpack_latents(own, height, width, pipe.vae_scale_factor)
    flat = own[:, :, 0] if own.ndim == 5 else own
    factor = -(-max(flat.shape[-2:]) // _SIDE)
    flat = torch.nn.functional.avg_pool2d(flat.float(), factor, ceil_mode=True).to(pipe.vae.dtype)
    with torch.inference_mode():
        decoded = pipe.vae.decode(_unscaled(pipe.vae, flat), return_dict=False)[0]
    if decoded.ndim == 5:
        decoded = decoded[:, :, 0]
    levels = ((decoded[0].float() / 2 + 0.5).nan_to_num().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    found = io.BytesIO()
    Image.fromarray(levels, "RGB").save(found, "PNG")
    return found.getvalue()


def _unscaled(vae: Any, latents: Any) -> Any:
    """Latents (n, channels, height, width) as the decoder takes them."""
    import torch

    config = vae.config
    if type(vae).__name__ != "AutoencoderKLQwenImage":
        return latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
    shape = (1, config.z_dim, 1, 1, 1)
    mean, deviation = (
        torch.tensor(values, device=latents.device, dtype=latents.dtype).view(shape)
        for values in (config.latents_mean, config.latents_std)
    )
    return latents[:, :, None] * deviation + mean
