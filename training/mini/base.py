"""The denoiser and the text model, together: velocity's squared error over all times, a tenth of the captions left out."""

from __future__ import annotations

from pathlib import Path

import torch
from clock import Part, begun, options
from nets import autoencoder, optimisers, scheduler, text_model, unet
from stock import Average, Stock, noised, sampled, sheet

BATCH, SHARES = 64, (1.0, 0.0)
SHOWN = ("red apple", "cat face", "a dog", "pizza", "rocket", "robot", "red heart", "sun", "house", "tree", "bicycle", "ghost",
    "grinning face", "crying face", "locked", "light bulb", "magnifying glass tilted left", "warning", "wrapped gift",
    "umbrella", "kitten", "a green apple", "puppy", "a lorry")  # fmt: skip


def main() -> None:
    parser = options(36)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--sheets", type=int, default=700, help="steps between two sheets of samples")
    args = begun(parser, 11)
    stock = Stock(args.data)
    vae = autoencoder().eval()
    vae.load_state_dict(torch.load(args.data / "autoencoder.pt", weights_only=True)["nets"]["vae"])
    nets = {"unet": unet(), "text": text_model(stock.vectors, stock.ends)}
    # The words' vectors stay as e5 has them: what is learnt of one word then holds for its neighbours, said or not.
    nets["text"].get_input_embeddings().weight.requires_grad_(False)
    kept = torch.nn.ModuleDict({"unet": unet(), "text": text_model(stock.vectors, stock.ends)})
    holder = torch.nn.ModuleDict({"average": kept})
    average = Average(nets)
    part = Part(args.data / "base.pt", args.minutes, {**nets, "average": holder}, optimisers(nets.values(), args.rate))
    if part.steps:
        average.steps = part.steps
        average.kept = {k.partition("average.")[2]: v.clone() for k, v in holder.state_dict().items()}
    schedule = scheduler()
    rng = torch.Generator().manual_seed(100 + part.steps)
    print(sum(p.numel() for p in nets["unet"].parameters()), sum(p.numel() for p in nets["text"].parameters()), flush=True)
    while part.share < 1:
        rows = stock.rows(SHARES, BATCH, rng)
        x, times, velocity = noised(stock.codes[rows], schedule.alphas_cumprod, rng)
        told = nets["text"](stock.captions(rows, 0.1, rng)).last_hidden_state
        loss = (nets["unet"](x, times, told).sample - velocity).square().mean()
        average.add(nets)
        if (part.steps + 1) % 200 == 0 or part.share > 0.995:
            holder.load_state_dict({"average." + k: v for k, v in average.kept.items()})
        part.step(loss)
        if part.steps % args.sheets == 0 or part.share >= 1:
            show(stock, vae, average, args.data / f"base-{part.steps:06d}.png")


def show(stock: Stock, vae: torch.nn.Module, average: Average, file: Path) -> None:
    """A sheet of samples by the averaged weights."""
    net, text = unet().eval(), text_model(stock.vectors, stock.ends).eval()
    net.load_state_dict(average.of("unet"))
    text.load_state_dict(average.of("text"))
    made = sampled((net, text, scheduler()), vae, stock.scale, stock.read(SHOWN), stock.nothing)
    sheet(made, file, 8)


if __name__ == "__main__":
    main()
