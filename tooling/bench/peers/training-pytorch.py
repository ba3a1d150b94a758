"""PyTorch's training step: training-pytorch.py FOLDER, one thread. Speaks as serve.ts does: a line of JSON for a line of JSON."""

import json
import os
import re
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

MEASURED_SECONDS = 0.3


def say(**reply):
    print(json.dumps(reply), flush=True)


def blas():
    """What does the matrix products, which differ tenfold: the names of its files, where the system tells."""
    try:
        with open("/proc/self/maps") as maps:
            files = {os.path.basename(line.split()[-1]) for line in maps}
    except OSError:
        return "an unknown BLAS"
    return ", ".join(sorted(name for name in files if re.search("blas|mkl", name))) or "an unknown BLAS"


try:
    import numpy
    import torch
    import torch.nn.functional as functional
except ImportError as error:
    say(failed=f"{error} (Debian: apt install python3-torch)")
    sys.exit(1)

torch.set_num_threads(1)
folder = sys.argv[1]
with open(os.path.join(folder, "problem.json")) as file:
    problem = json.load(file)
config, optimizer = problem["config"], problem["optimizer"]
batch_size, length = problem["batchSize"], problem["time"]
heads, head_size = config["numAttentionHeads"], config["headDim"]

numbers = torch.from_numpy(numpy.fromfile(os.path.join(folder, "weights.bin"), numpy.float32))
parameters, position = {}, 0
for entry in problem["parameters"]:
    size = int(numpy.prod(entry["shape"]))
    parameters[entry["name"]] = numbers[position : position + size].view(*entry["shape"]).clone().requires_grad_(True)
    position += size
ids = torch.from_numpy(numpy.fromfile(os.path.join(folder, "tokens.bin"), numpy.int32).astype(numpy.int64))
batches = ids.view(problem["batchCount"], 2, batch_size, length)

half = head_size // 2
frequencies = config["ropeTheta"] ** (-torch.arange(half, dtype=torch.float64) / half)
angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies).repeat(1, 2)
cos, sin = angles.cos().float(), angles.sin().float()
future = torch.full((length, length), float("-inf")).triu(1)


def norm(x, name):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + config["rmsNormEps"]) * parameters[name]


def linear(x, name):
    return functional.linear(x, parameters[name + ".weight"])


def turned(x):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def attention(x, name):
    q, k, v = (
        linear(x, f"{name}.{part}").view(batch_size, length, heads, head_size).transpose(1, 2)
        for part in ("q_proj", "k_proj", "v_proj")
    )
    scores = turned(q) @ turned(k).transpose(-1, -2) * head_size**-0.5 + future
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch_size, length, heads * head_size)
    return linear(mixed, f"{name}.o_proj")


def feed_forward(x, name):
    return linear(functional.silu(linear(x, f"{name}.gate_proj")) * linear(x, f"{name}.up_proj"), f"{name}.down_proj")


def loss_of(tokens, labels):
    x = functional.embedding(tokens, parameters["model.embed_tokens.weight"])
    for layer in range(config["numHiddenLayers"]):
        name = f"model.layers.{layer}"
        x = x + attention(norm(x, f"{name}.input_layernorm.weight"), f"{name}.self_attn")
        x = x + feed_forward(norm(x, f"{name}.post_attention_layernorm.weight"), f"{name}.mlp")
    logits = linear(norm(x, "model.norm.weight"), "lm_head")
    return functional.cross_entropy(logits.view(batch_size * length, -1), labels.reshape(-1))


adamw = torch.optim.AdamW(
    [
        {"params": [p for p in parameters.values() if p.dim() > 1], "weight_decay": optimizer["weightDecay"]},
        {"params": [p for p in parameters.values() if p.dim() == 1], "weight_decay": 0.0},
    ],
    lr=optimizer["learningRate"],
    betas=(optimizer["beta1"], optimizer["beta2"]),
    eps=optimizer["epsilon"],
)
steps = 0


def step():
    global steps
    tokens, labels = batches[steps % len(batches)]
    steps += 1
    adamw.zero_grad(set_to_none=True)
    loss = loss_of(tokens, labels)
    loss.backward()
    adamw.step()
    return loss.item()


say(ready=True, version=f"{torch.__version__} on {blas()}")
for line in sys.stdin:
    request = json.loads(line)
    if "losses" in request:
        say(losses=[step() for _ in range(request["losses"])])
        continue
    started, runs = time.perf_counter(), 0
    while True:
        step()
        runs += 1
        elapsed = time.perf_counter() - started
        if elapsed >= MEASURED_SECONDS:
            break
    say(seconds=elapsed / runs)
