"""The finished base, for what is put on it: its averaged weights, nothing of them taught any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from nets import autoencoder, scheduler, text_model, unet
from stock import Stock
from torch import Tensor, nn


class Base:
    """Denoiser, text model, autoencoder and schedule, in evaluation."""

    def __init__(self, data: Path, stock: Stock) -> None:
        held = torch.load(data / "base.pt", weights_only=True)["nets"]["average"]
        self.unet: Any = unet()
        self.text: Any = text_model(stock.vectors, stock.ends)
        for name, net in (("unet", self.unet), ("text", self.text)):
            start = f"average.{name}."
            net.load_state_dict({k.removeprefix(start): v for k, v in held.items() if k.startswith(start)})
        self.vae: nn.Module = autoencoder()
        self.vae.load_state_dict(torch.load(data / "autoencoder.pt", weights_only=True)["nets"]["vae"])
        self.schedule = scheduler()
        for net in (self.unet, self.text, self.vae):
            net.requires_grad_(False).eval()

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """What `stock.sampled` takes."""
        return self.unet, self.text, scheduler()

    def told(self, tokens: Tensor) -> Tensor:
        """What the text model makes of tokens."""
        with torch.no_grad():
            found: Tensor = self.text(tokens).last_hidden_state
        return found
