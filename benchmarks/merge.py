"""Merging side by side with mergekit: speed, memory and agreement, on models made on the spot.

    python benchmarks/merge.py                 # SLERP and TIES of 1.1 B-parameter bfloat16 models, and the floor
    python benchmarks/merge.py --parity        # every common method on small random models
    python benchmarks/merge.py --large         # SLERP of two 14.5 GB models within 2 GB of memory

mergekit lives in an environment of its own; UNDERSTUDY_MERGEKIT_PYTHON names its interpreter:

    python3 -m venv mergekit-venv && mergekit-venv/bin/pip install mergekit==0.1.5 torch==2.13.0
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ARCHITECTURES = {"mistral": "MistralForCausalLM", "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
ENV = "UNDERSTUDY_MERGEKIT_PYTHON"


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder."""

    hidden: int = 64
    layers: int = 4
    vocabulary: int = 320
    intermediate: int = 160
    heads: int = 4
    kv_heads: int = 2
    family: str = "mistral"
    tied: bool = False


SMALL = Shape()
BILLION = Shape(2048, 22, 32_000, 5632, 32, 4, "llama")
SEVEN_BILLION = Shape(4096, 32, 32_000, 14_336, 32, 8)


def shapes(s: Shape) -> dict[str, tuple[int, ...]]:
    """Every tensor of a model of this shape, in the order of its layers."""
    kv = s.hidden * s.kv_heads // s.heads
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (s.vocabulary, s.hidden)}
    for layer in range(s.layers):
        at = f"model.layers.{layer}"
        found |= {
            f"{at}.input_layernorm.weight": (s.hidden,),
            f"{at}.self_attn.q_proj.weight": (s.hidden, s.hidden),
            f"{at}.self_attn.k_proj.weight": (kv, s.hidden),
            f"{at}.self_attn.v_proj.weight": (kv, s.hidden),
            f"{at}.self_attn.o_proj.weight": (s.hidden, s.hidden),
            f"{at}.post_attention_layernorm.weight": (s.hidden,),
            f"{at}.mlp.gate_proj.weight": (s.intermediate, s.hidden),
            f"{at}.mlp.up_proj.weight": (s.intermediate, s.hidden),
            f"{at}.mlp.down_proj.weight": (s.hidden, s.intermediate),
        }
        if s.family == "qwen2":
            found |= {f"{at}.self_attn.{p}_proj.bias": (n,) for p, n in (("q", s.hidden), ("k", kv), ("v", kv))}
    found["model.norm.weight"] = (s.hidden,)
    if not s.tied:
        found["lm_head.weight"] = (s.vocabulary, s.hidden)
    return found


def configuration(s: Shape, dtype: str = "bfloat16") -> dict[str, Any]:
    """The model's config.json."""
    return {
        "architectures": [ARCHITECTURES[s.family]], "model_type": s.family, "hidden_size": s.hidden,
        "intermediate_size": s.intermediate, "num_hidden_layers": s.layers, "num_attention_heads": s.heads,
        "num_key_value_heads": s.kv_heads, "vocab_size": s.vocabulary, "torch_dtype": dtype, "hidden_act": "silu",
        "tie_word_embeddings": s.tied, "rms_norm_eps": 1e-5, "max_position_embeddings": 2048, "bos_token_id": 1,
        "eos_token_id": 2,
    }  # fmt: skip


def to_bfloat16(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float32 → bfloat16 bits as uint16, to nearest even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bfloat16(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """bfloat16 bits → float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


_CODES = {np.dtype("u2"): "BF16", np.dtype("f2"): "F16", np.dtype("f4"): "F32", np.dtype("f8"): "F64",
          np.dtype("i8"): "I64"}  # fmt: skip


def save(path: Path, tensors: Iterator[tuple[str, np.ndarray[Any, Any]]], entries: dict[str, Any]) -> None:
    """Write safetensors from the format's description: header entries first, then the arrays as they come."""
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)  # as the reference implementation does
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in tensors:
            file.write(np.ascontiguousarray(array).data)


def save_arrays(path: Path, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """Write arrays (uint16 stands for bfloat16)."""
    entries, position = {}, 0
    for name, array in arrays.items():
        entries[name] = {"dtype": _CODES[array.dtype], "shape": list(array.shape),
                         "data_offsets": [position, position + array.nbytes]}  # fmt: skip
        position += array.nbytes
    save(path, iter(arrays.items()), entries)


def load_arrays(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Every tensor of a model folder, as stored, by an independent reading of the format."""
    dtypes = {code: dtype for dtype, code in _CODES.items()}
    found: dict[str, np.ndarray[Any, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        raw = path.read_bytes()
        start = 8 + int.from_bytes(raw[:8], "little")
        for name, entry in json.loads(raw[8:start]).items():
            if name != "__metadata__":
                first, last = entry["data_offsets"]
                array = np.frombuffer(raw[start + first : start + last], dtypes[entry["dtype"]])
                found[name] = array.reshape(entry["shape"])
    return found


def make_model(
    folder: Path, s: Shape = SMALL, *, seed: int = 0, base: Path | None = None, change: float = 0.5, dtype: str = "BF16"
) -> Path:
    """A random model; with `base`, a fine-tune of it: each tensor plus noise of `change` times its spread."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    parent = load_arrays(base) if base else {}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, shape in shapes(s).items():
        if name in parent:
            values = from_bfloat16(parent[name]) if parent[name].dtype == np.uint16 else parent[name]
            values = values + change * 0.02 * generator.standard_normal(shape, np.float32)
        else:
            values = (1.0 if "norm" in name else 0.0) + 0.02 * generator.standard_normal(shape, np.float32)
        cast = {"BF16": to_bfloat16, "F16": np.float16, "F32": np.float32}[dtype]
        arrays[name] = cast(values)
    save_arrays(folder / "model.safetensors", arrays)
    kind = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}[dtype]
    (folder / "config.json").write_text(json.dumps(configuration(s, kind)))
    return folder


def make_large(folder: Path, s: Shape, seed: int, shard_bytes: int = 5_000_000_000) -> Path:
    """A large random bfloat16 model, quickly: slices of one pool of normal numbers, a tensor at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    pool = to_bfloat16(0.02 * np.random.default_rng(seed).standard_normal(1 << 24, np.float32))
    groups: list[list[tuple[str, tuple[int, ...]]]] = [[]]
    filled = 0
    for name, shape in shapes(s).items():
        size = 2 * int(np.prod(shape))
        if groups[-1] and filled + size > shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append((name, shape))
        filled += size
    weight_map = {}
    for number, group in enumerate(groups, 1):
        name_of_file = (
            "model.safetensors" if len(groups) == 1 else f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        )
        entries, position = {}, 0
        for name, shape in group:
            size = 2 * int(np.prod(shape))
            entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [position, position + size]}
            position += size
            weight_map[name] = name_of_file

        def arrays(group: list[tuple[str, tuple[int, ...]]] = group) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
            for at, (name, shape) in enumerate(group):
                count, start = int(np.prod(shape)), (at * 7919) % (1 << 20)
                yield name, np.resize(pool[start:], count)

        save(folder / name_of_file, arrays(), entries)
    if len(groups) > 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    (folder / "config.json").write_text(json.dumps(configuration(s)))
    return folder


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall clock and of processors, and its peak proportional set size."""

    wall: float
    cpu: float
    peak: int
    failed: str = ""


def _pss(pid: int) -> int:
    """Proportional set size of a process and its children, in bytes (0 where it has ended)."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(_pss(int(child)) for child in (task / "children").read_text().split())
    except OSError:
        pass
    return total


def measure(command: list[str], *, memory: bool = False, **variables: str) -> Cost:
    """Run a command. memory: sample its proportional set size, which costs processor time of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = {**os.environ, **variables}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        peak, over = [0], threading.Event()

        def watch() -> None:
            pause = 0.05
            while memory and not over.wait(pause):
                asked = time.perf_counter()
                peak[0] = max(peak[0], _pss(process.pid))
                pause = max(0.05, 4 * (time.perf_counter() - asked))  # reading the figure of a large process is slow

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        wall = time.perf_counter() - start
        over.set()
        watcher.join()
        output.seek(0)
        text = output.read().decode(errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peak[0], text[-800:] if code else "")


_COPY = """
import os, sys, threading
out, *inputs = sys.argv[1:]
step, lock, jobs = 1 << 20, threading.Lock(), []
target = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for number, path in enumerate(inputs):
    size = os.path.getsize(path)
    file = os.open(path, os.O_RDONLY)
    jobs += [(file, at, number == 0) for at in range(0, size, step)]
    if number == 0:
        os.posix_fallocate(target, 0, size)
jobs.reverse()
def work():
    buffer = bytearray(step)
    while True:
        with lock:
            if not jobs:
                return
            file, at, write = jobs.pop()
        got = os.preadv(file, [buffer], at)
        if write:
            os.pwrite(target, memoryview(buffer)[:got], at)
threads = [threading.Thread(target=work) for _ in range(2)]
[t.start() for t in threads]; [t.join() for t in threads]
os.fsync(target)
"""


def copy_bytes(inputs: list[Path], out: Path, memory: bool = False) -> Cost:
    """The floor: read every input, write the bytes of one, bring them to the disk; two threads."""
    return measure(
        [sys.executable, "-c", _COPY, str(out), *(str(p / "model.safetensors") for p in inputs)], memory=memory
    )


_OURS = "import typer; from understudy.cli.merge import merge; typer.run(merge)"


def understudy(config: Path, out: Path, memory: bool = False, limit: str = "1GB") -> Cost:
    command = [sys.executable, "-c", _OURS, str(config), str(out), "--threads", "2", "--max-memory", limit]
    return measure(command, memory=memory, OMP_NUM_THREADS="2")


def mergekit(config: Path, out: Path, memory: bool = False) -> Cost:
    program = Path(os.environ[ENV]).with_name("mergekit-yaml")
    command = [str(program), str(config), str(out), "--num-threads", "2", "--quiet"]
    return measure(command, memory=memory, OMP_NUM_THREADS="2")


def write_config(path: Path, **fields: Any) -> Path:
    path.write_text(json.dumps(fields))  # JSON is YAML
    return path


T_SCHEDULE = [
    {"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]},
    {"filter": "mlp", "value": [1, 0.5, 0.7, 0.3, 0]},
    {"value": 0.5},
]


def billion(place: Path, rounds: int, only: str | None, quick: bool) -> None:
    """SLERP and TIES at 1.1 B parameters: the copy, Understudy and mergekit in turn, several rounds."""
    a, b, c = (make_large(place / name, BILLION, seed) for seed, name in enumerate("abc"))
    configs = {
        "slerp": write_config(
            place / "slerp.yaml", merge_method="slerp", base_model=str(a), models=[{"model": str(m)} for m in (a, b)],
            parameters={"t": T_SCHEDULE}, dtype="bfloat16",
        ),
        "ties": write_config(
            place / "ties.yaml", merge_method="ties", base_model=str(a), dtype="bfloat16",
            models=[{"model": str(m), "parameters": {"weight": 0.5, "density": 0.5}} for m in (b, c)],
        ),
    }  # fmt: skip
    for name, config in configs.items():
        if only and name != only:
            continue
        inputs = [a, b] if name == "slerp" else [a, b, c]
        programs = {
            "copy": lambda out, memory, inputs=inputs: copy_bytes(inputs, out, memory),
            "understudy": lambda out, memory, config=config: understudy(config, out, memory),
        }
        if os.environ.get(ENV):
            programs["mergekit"] = lambda out, memory, config=config: mergekit(config, out, memory)
        print(f"\n{name}, {len(inputs)} inputs of {(a / 'model.safetensors').stat().st_size / 1e9:.2f} GB")
        costs: dict[str, list[Cost]] = {p: [] for p in programs}
        for number in range(rounds + 1):  # the first round warms caches and measures memory, not time
            for program, run in programs.items():
                if program == "mergekit" and number == 0 and quick:
                    continue
                out = place / f"out-{program}"
                cost = run(out, number == 0)
                load = os.getloadavg()[0]
                if cost.failed:
                    print(f"  {program} failed: {cost.failed}")
                elif number == 0:
                    print(f"  {program:<11} {cost.peak / 1e6:7.0f} MB peak proportional set size", flush=True)
                else:
                    costs[program].append(cost)
                    print(
                        f"  {program:<11} {cost.wall:7.2f} s wall {cost.cpu:7.2f} s CPU   load {load:.1f}", flush=True
                    )
                shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
        medians = {p: float(np.median([c.wall for c in found])) for p, found in costs.items() if found}
        for program, wall in medians.items():
            if program != "understudy":
                ratio = wall / medians["understudy"]
                print(f"  understudy takes {1 / ratio:.2f} × the time of {program} ({ratio:.1f} times as fast)")


def parity_cases(base: str, m: list[str]) -> dict[str, dict[str, Any]]:
    """A configuration for every method that both programs have, by name."""
    weighted = [{"model": x, "parameters": {"weight": w}} for x, w in zip(m, (0.4, 0.75, 0.3), strict=True)]
    thinned = [
        {"model": x, "parameters": {"weight": w, "density": d}}
        for x, w, d in zip(m, (0.4, 0.75, 0.3), (0.5, 0.3, 1.0), strict=True)
    ]
    plain, one = [{"model": x} for x in m], [{"model": m[0]}]
    l1 = {"rescale_norm": "l1"}  # mergekit's way; Understudy divides by the probability unless told so
    return {
        "linear": {"models": weighted},
        "slerp": {"models": one, "base_model": base, "parameters": {"t": T_SCHEDULE}},
        "nuslerp": {"models": weighted[:2]},
        "nuslerp on deltas": {"models": weighted[:2], "base_model": base},
        "multislerp": {"models": weighted},
        "multislerp on deltas": {"models": weighted, "base_model": base},
        "karcher": {"models": plain},
        "task_arithmetic": {"models": weighted, "base_model": base, "parameters": {"lambda": 0.8}},
        "ties": {"models": thinned, "base_model": base},
        "breadcrumbs": {"models": thinned, "base_model": base, "parameters": {"gamma": 0.05}},
        "breadcrumbs_ties": {"models": thinned, "base_model": base, "parameters": {"gamma": 0.05}},
        "model_stock": {"models": plain, "base_model": base},
        "sce": {"models": plain, "base_model": base, "parameters": {"select_topk": 0.3}},
        "nearswap": {"models": one, "base_model": base, "parameters": {"t": 0.004}},
        "arcee_fusion": {"models": one, "base_model": base},
        "passthrough": {"models": one},
        "dare_linear": {"models": thinned, "base_model": base, "parameters": l1},
        "dare_ties": {"models": thinned, "base_model": base, "parameters": l1},
        "della": {"models": thinned, "base_model": base, "parameters": l1},
        "della_linear": {"models": thinned, "base_model": base, "parameters": l1},
    }


RANDOM = ("dare", "della")
_WORKER = """
import json, sys
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
for job in json.load(open(sys.argv[1])):
    options = MergeOptions(quiet=True, copy_tokenizer=False, write_model_card=False, random_seed=3, clone_tensors=True)
    run_merge(MergeConfiguration.model_validate(job["config"]), job["out"], options)
"""


@dataclass(frozen=True)
class Agreement:
    """Shares of elements within 0 and 1 units in the last place of bfloat16, and the largest distance counted.

    A distance counts where the difference exceeds what float32 can resolve of the inputs (2⁻²⁰ of the largest):
    below that, where models cancel almost exactly, both programs hold rounding noise.
    """

    exact: float
    within_one: float
    largest: int
    spread: tuple[float, float]


def agreement(ours: Path, theirs: Path) -> Agreement:
    """Compare two model folders in bfloat16."""
    a, b = load_arrays(ours), load_arrays(theirs)
    if a.keys() != b.keys():
        raise ValueError(f"different tensors: {sorted(set(a) ^ set(b))[:4]}")
    x, y = (np.concatenate([m[k].ravel() for k in sorted(a)]) for m in (a, b))

    def place(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        number = bits.astype(np.int32)
        return np.where(number >= 0x8000, -(number & 0x7FFF), number)

    distance = np.abs(place(x) - place(y))
    fx, fy = from_bfloat16(x), from_bfloat16(y)
    distance[np.abs(fx - fy) < 2.0**-20 * np.abs(fx).max()] = 0
    spread = float(fx.std()), float(fy.std())
    return Agreement(float(np.mean(distance == 0)), float(np.mean(distance <= 1)), int(distance.max()), spread)


def parity(
    place: Path, families: tuple[str, ...] = tuple(ARCHITECTURES), only: tuple[str, ...] = ()
) -> dict[str, Agreement]:
    """Both programs on every common method: float32 models, float32 arithmetic, bfloat16 results."""
    from understudy.merge.config import MergeConfig
    from understudy.merge.engine import merge

    found: dict[str, Agreement] = {}
    for family in families:
        shape = Shape(family=family)
        base = make_model(place / family / "base", shape, dtype="F32")
        models = [make_model(place / family / f"m{i}", shape, seed=i, base=base, dtype="F32") for i in (1, 2, 3)]
        jobs = []
        for name, fields in parity_cases(str(base), [str(m) for m in models]).items():
            if only and name not in only:
                continue
            config = {"merge_method": name.split()[0], "dtype": "float32", "out_dtype": "bfloat16", **fields}
            jobs.append({"name": name, "config": config, "out": str(place / family / f"{name}-theirs")})
        (place / "jobs.json").write_text(json.dumps(jobs))
        done = subprocess.run(
            [os.environ[ENV], "-c", _WORKER, str(place / "jobs.json")], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        for job in jobs:
            ours = place / family / f"{job['name']}-ours"
            merge(MergeConfig.model_validate(job["config"]), ours, threads=2, seed=3)
            found[f"{family} {job['name']}"] = agreement(ours, Path(job["out"]))
    return found


def print_parity(place: Path) -> None:
    for name, a in parity(place).items():
        if any(r in name for r in RANDOM):
            print(f"{name:<32} random; spread {a.spread[0]:.5f}, mergekit's {a.spread[1]:.5f}")
        else:
            print(f"{name:<32} {a.exact:9.5%} equal, {a.within_one:9.5%} within 1 ulp, largest {a.largest}")


def large(place: Path) -> None:
    """SLERP of two 7 B-shaped models within 2 GB; its throughput."""
    a, b = (make_large(place / name, SEVEN_BILLION, seed) for seed, name in enumerate("ab"))
    size = sum(p.stat().st_size for p in a.glob("*.safetensors"))
    config = write_config(
        place / "slerp.yaml", merge_method="slerp", base_model=str(a), models=[{"model": str(b)}],
        parameters={"t": T_SCHEDULE}, dtype="bfloat16",
    )  # fmt: skip
    cost = understudy(config, place / "out", memory=True, limit="2GB")
    if cost.failed:
        print(cost.failed)
        return
    moved = 3 * size / cost.wall / 1e9
    print(
        f"SLERP of two models of {size / 1e9:.1f} GB: {cost.wall:.0f} s wall, {cost.cpu:.0f} s CPU, "
        f"{cost.peak / 1e6:.0f} MB peak proportional set size, {moved:.2f} GB/s read and written, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="do not measure mergekit's memory, which takes a run")
    parser.add_argument("--parity", action="store_true", help="agreement with mergekit instead")
    parser.add_argument("--large", action="store_true", help="the 7 B merge instead")
    parser.add_argument("--only", choices=("slerp", "ties"))
    parser.add_argument("--dir", type=Path, help="where to put the models (a temporary folder otherwise)")
    arguments = parser.parse_args()
    if not os.environ.get(ENV):
        print(f"{ENV} is not set: mergekit is left out")
    with tempfile.TemporaryDirectory(dir=arguments.dir) as place:
        if arguments.parity:
            print_parity(Path(place))
            return
        if arguments.large:
            large(Path(place))
            return
        billion(Path(place), arguments.rounds, arguments.only, arguments.quick)


if __name__ == "__main__":
    main()
