"""The same checkpoint, seed and steps in Python diffusers: prints one line of JSON for bench/main.ts."""
import json
import sys
import time

import diffusers
import torch

checkpoint, steps = sys.argv[1], int(sys.argv[2])
torch.set_grad_enabled(False)
pipeline = diffusers.DDPMPipeline.from_pretrained(checkpoint, torch_dtype=torch.float32)
unet, scheduler = pipeline.unet.eval(), pipeline.scheduler
generator = torch.Generator().manual_seed(0)
scheduler.set_timesteps(steps)
sample = torch.randn((1, unet.config.in_channels, 64, 64), generator=generator)
times, start = [], time.perf_counter()
for t in scheduler.timesteps:
    before = time.perf_counter()
    sample = scheduler.step(unet(sample, t).sample, t, sample, generator=generator).prev_sample
    times.append((time.perf_counter() - before) * 1e3)
total = (time.perf_counter() - start) * 1e3
name = f"diffusers {diffusers.__version__}, {torch.get_num_threads()} threads"
print(json.dumps({"name": name, "times": times, "total": total, "sample": sample.flatten().tolist()}))
