"""A language model on this machine for --llm: tiny ones of the true classes, one that says junk and one that learnt an answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from imajin_cli.asking.classified import task  # noqa: E402
from imajin_cli.contract.classification import Classification  # noqa: E402
from imajin_cli.contract.errors import InputError, UsageError  # noqa: E402
from imajin_cli.stages.backends import chat  # noqa: E402
from llmserver import classification  # noqa: E402
from processes import inside  # noqa: E402

REQUEST = "a picture of a cat"
ANSWER = json.dumps(classification(kind="hero", style="3d", keywords=["calm"]))
TEMPLATE = "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>{% endfor %}<s>assistant\n"


def tokenizer() -> Any:
    """Every byte a token, and what is frequent in our own texts."""
    inner = tokenizers.Tokenizer(tokenizers.models.BPE())
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=900, special_tokens=["<s>", "</s>"], initial_alphabet=letters)
    inner.train_from_iterator([task(), *[ANSWER] * 9], trainer)
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>", pad_token="</s>")
    made.chat_template = TEMPLATE
    return made


def saved(folder: Path, learnt: str | None) -> Path:
    """A random model of two layers; with ``learnt``, one that was taught to answer the request with it."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    words = tokenizer()
    # Room for a short answer: what a random model says has no end.
    room = len(conversation(words)) + (120 if learnt is None else 400)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=room, eos_token_id=words.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    if learnt is not None:
        teach(model, words, learnt)
    model.eval().save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def conversation(words: Any) -> list[int]:
    """The tokens that classify asks a model with."""
    said = [
        {"role": "system", "content": task()},
        {"role": "user", "content": json.dumps({"request": REQUEST}, ensure_ascii=False)},
    ]
    text = words.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    return list(words(text, add_special_tokens=False)["input_ids"])


def teach(model: Any, words: Any, answer: str) -> None:
    """Steps of AdamW on the one conversation, until every token of the answer is the likeliest."""
    head = conversation(words)
    tail = [*words(answer, add_special_tokens=False)["input_ids"], words.eos_token_id]
    ids = torch.tensor([head + tail])
    labels = torch.tensor([[-100] * len(head) + tail])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(400):
        out = model(input_ids=ids, labels=labels)
        found = out.logits[0, len(head) - 1 : -1].argmax(-1).tolist()
        if found == tail and float(out.loss.detach()) < 0.05:
            return
        optimiser.zero_grad()
        out.loss.backward()
        optimiser.step()
    raise AssertionError("the tiny model did not learn its answer")


@pytest.fixture(scope="module")
def junk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("junk"), None)


@pytest.fixture(scope="module")
def clever(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("clever"), ANSWER)


def test_a_model_that_answers_well_decides_and_what_follows_is_ours(clever, capfd, monkeypatch):
    code, out, err = inside(capfd, monkeypatch, "classify", REQUEST, "--json", "--llm", str(clever))
    assert code == 0, err
    found = Classification.model_validate_json(out)
    assert (found.kind.value, found.style.value, found.preset.value) == ("hero", "3d", "hero")
    assert found.by == f"language model {clever.name}, checked"
    again = inside(capfd, monkeypatch, "classify", REQUEST, "--json", "--llm", str(clever))
    assert again[:2] == (0, out)


@pytest.mark.parametrize("command", ["classify", "prompt", "auto"])
def test_junk_is_refused_as_a_remote_models_is(junk, command, capfd, monkeypatch):
    code, out, err = inside(capfd, monkeypatch, command, REQUEST, "--llm", str(junk))
    assert (code, out) == (20, "")
    assert f"the language model {junk.name} wrote something that is no JSON" in err
    assert "Traceback" not in err


def test_an_answer_that_takes_too_long_is_none(junk, capfd, monkeypatch):
    code, out, err = inside(capfd, monkeypatch, "classify", REQUEST, "--llm", str(junk), "--llm-timeout", "0.001")
    assert (code, out) == (20, "")
    assert "did not answer within 0.001 s" in err


def test_it_is_loaded_under_a_lease(clever, capfd, monkeypatch):
    from imajin_cli.run.leasing import residence

    seen: list[Any] = []
    ready = residence.ready
    monkeypatch.setattr(residence, "ready", lambda needs: (seen.append(needs), ready(needs)))
    assert inside(capfd, monkeypatch, "classify", REQUEST, "--llm", str(clever))[0] == 0
    ((need,),) = [needs for needs in seen if needs[0].model.startswith("llm ")]
    weights = (clever / "model.safetensors").stat().st_size >> 20
    assert need.device == "auto"
    assert need.on_cpu is not None
    assert need.on_cpu.mib > weights


def test_what_is_no_model_of_safetensors_is_said(junk, tmp_path, capfd, monkeypatch):
    with pytest.raises(InputError, match="holds no model"):
        chat.model_at(str(tmp_path))
    with pytest.raises(UsageError, match="not a language model"):
        chat.model_at("siglip2-base")
    broken = shutil.copytree(junk, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\x80\x04N.")
    code, _, err = inside(capfd, monkeypatch, "classify", REQUEST, "--llm", str(broken))
    assert code == 20
    assert "cannot be read" in err
    # A pickle beside it is never opened.
    pickled = shutil.copytree(junk, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds no model"):
        chat.model_at(str(pickled))
    assert inside(capfd, monkeypatch, "classify", REQUEST, "--llm", "no-such-model")[0] == 2


def test_code_that_a_model_brings_is_not_run(junk, tmp_path, capfd, monkeypatch):
    foreign = shutil.copytree(junk, tmp_path / "foreign")
    config = json.loads((foreign / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    (foreign / "config.json").write_text(json.dumps(config))
    (foreign / "own.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    assert inside(capfd, monkeypatch, "classify", REQUEST, "--llm", str(foreign))[0] == 20
    assert not Path("ran").exists()


def test_a_request_that_it_has_no_room_for_is_said(junk):
    with pytest.raises(InputError, match="no room"):
        chat.model_at(str(junk)).answer("x " * 4000, "{}", 5.0, 10)
