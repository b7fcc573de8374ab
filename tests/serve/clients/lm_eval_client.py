"""lm_eval through a server and in process: the log-likelihoods of both, and a task with both. Prints JSON.

Arguments: the server's address, its model's name, the model's folder, a folder to work in.
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OPENAI_API_KEY="any")

from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model
from lm_eval.tasks import TaskManager

url, name, folder, work = sys.argv[1:]
PAIRS = [
    ("The server listens on port", " 7411"),
    ("The server listens on port", " 8080 or another"),
    ("Kestrel is a queue server. Messages", " are deleted after 14 days."),
    ("", "A queue"),
    ("x" * 400, " y"),
]
TASK = """
task: ports
dataset_path: json
dataset_kwargs: {data_files: {test: DATA}}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: "{{options}}"
doc_to_target: right
metric_list: [{metric: acc}, {metric: acc_norm}]
"""


def requests(kind, rows):
    return [Instance(request_type=kind, doc={}, arguments=row, idx=i) for i, row in enumerate(rows)]


settings = {"tokenizer_backend": "huggingface", "tokenizer": folder, "max_length": 1024, "max_retries": 1}
served = get_model("local-completions")(
    base_url=f"{url}/v1/completions", model=name, batch_size=4, num_concurrent=1, **settings
)
inside = get_model("hf")(pretrained=folder, device="cpu", batch_size=4, dtype="float32", max_length=1024)
rows = Path(work, "rows.jsonl")
rows.write_text(
    "".join(
        json.dumps(
            {"question": f"What is the port of server {n}?", "options": [f" {n}", " 80", " 443"], "right": n % 3}
        )
        + "\n"
        for n in range(12)
    )
)
Path(work, "ports.yaml").write_text(TASK.replace("DATA", json.dumps(str(rows))))
manager = TaskManager(include_path=work, include_defaults=False)


def task(model):
    found = simple_evaluate(model=model, tasks=["ports"], task_manager=manager, bootstrap_iters=0, log_samples=True)
    scores = [[r[0] for r in sample["filtered_resps"]] for sample in found["samples"]["ports"]]
    return {"acc": found["results"]["ports"]["acc,none"], "scores": scores}


chat = get_model("local-chat-completions")(
    base_url=f"{url}/v1/chat/completions", model=name, num_concurrent=1, batch_size=1, max_retries=1
)
until = {"until": ["\n\n"], "max_gen_toks": 8, "temperature": 0}
turns = chat.apply_chat_template([{"role": "user", "content": "Which port?"}])
print(
    json.dumps(
        {
            "served": [list(p) for p in served.loglikelihood(requests("loglikelihood", PAIRS))],
            "inside": [list(p) for p in inside.loglikelihood(requests("loglikelihood", PAIRS))],
            "rolling": [
                m.loglikelihood_rolling(
                    requests("loglikelihood_rolling", [("A queue holds up to 10000 messages. " * 9,)])
                )
                for m in (served, inside)
            ],
            "written": [
                m.generate_until(requests("generate_until", [("The port", {"until": ["\n\n"], "max_gen_toks": 8})]))
                for m in (served, inside)
            ],
            "tasks": [task(served), task(inside)],
            "chat": chat.generate_until(requests("generate_until", [(turns, until)])),
        }
    )
)
