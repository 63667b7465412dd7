"""Workloads in Python: diffusers on torch for pictures, torch itself for kernels. Questions and answers are lines of JSON."""
import json
import os
import sys
import time

asked = json.loads(sys.argv[1])
import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(asked["threads"])
torch.set_num_interop_threads(1)
torch.set_grad_enabled(False)
cache, steps = asked["cache"], asked["steps"]


def floats(name, shape):
    return torch.from_numpy(np.fromfile(f"{cache}/{name}.f32", np.float32)).reshape(shape)


def said(what):
    return f"{what}, torch {torch.__version__}, {torch.get_num_threads()} thread(s)"


def cats():
    import diffusers

    pipeline = diffusers.DDPMPipeline.from_pretrained(asked["checkpoint"], torch_dtype=torch.float32)
    unet, scheduler = pipeline.unet.eval(), pipeline.scheduler

    def fold():
        generator = torch.Generator().manual_seed(0)
        scheduler.set_timesteps(asked["grid"])
        state = {"x": torch.randn((1, 3, 64, 64), generator=generator)}

        def step(t):
            x = state["x"]
            state["x"] = scheduler.step(unet(x, t).sample, t, x, generator=generator).prev_sample
            return state["x"]

        return step, scheduler.timesteps[:steps]

    return said(f"diffusers {diffusers.__version__}"), fold


def guided():
    import diffusers

    unet = diffusers.UNet2DConditionModel.from_pretrained(asked["checkpoint"], subfolder="unet", torch_dtype=torch.float32).eval()
    with open(os.path.join(asked["checkpoint"], "scheduler", "scheduler_config.json")) as f:
        scheduler = diffusers.UniPCMultistepScheduler.from_config(json.load(f))
    words = floats(asked["words"], (2, 77, -1))

    def fold():
        scheduler.set_timesteps(asked["grid"])
        size = asked["latents"]
        state = {"x": torch.randn((1, 4, size, size), generator=torch.Generator().manual_seed(0)) * scheduler.init_noise_sigma}

        def step(t):
            x = state["x"]
            away, towards = unet(torch.cat([x, x]), t, encoder_hidden_states=words).sample.chunk(2)
            state["x"] = scheduler.step(away + 7.5 * (towards - away), t, x).prev_sample
            return state["x"]

        return step, scheduler.timesteps[:steps]

    return said(f"diffusers {diffusers.__version__}"), fold


def kernel():
    family, links = asked["family"], asked["links"]
    x, *ws = [floats(n["name"], n["shape"]) for n in asked["numbers"]]
    link = {
        "matmul": lambda y: y @ ws[0],
        "convolution": lambda y: F.conv2d(y, ws[0], padding=1),
        "attention": lambda y: F.scaled_dot_product_attention(y, *ws),
        "small": lambda y: torch.tanh(torch.addmm(ws[1], y, ws[0])),
        "normalisation": lambda y: F.silu(F.group_norm(y, 32, *ws)),
    }[family]

    def fold():
        def step(_):
            y = x
            for _ in range(links):
                y = link(y)
            return y

        return step, [0]

    return said("torch"), fold


prepared, last = None, None


def repeat():
    global last
    step, inputs = prepared()
    times = []
    for t in inputs:
        start = time.perf_counter()
        last = step(t)
        times.append((time.perf_counter() - start) * 1e3)
    return times


out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    question = json.loads(line)
    try:
        value = None
        if question["do"] == "prepare":
            value, prepared = {"W1": cats, "K": kernel}.get(asked["kind"], guided)()
        elif question["do"] == "repeat":
            value = repeat()
        elif question["do"] == "result":
            last.numpy().astype(np.float32).tofile(question["path"])
        print(json.dumps({"value": value}), file=out, flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=out, flush=True)
