"""LlamaIndex's OpenAILike against a served run: chat, a stream, raw completion. Prints what it saw as JSON."""

import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

url, model, question = sys.argv[1:]
options = {
    "api_base": f"{url}/v1",
    "api_key": "any",
    "model": model,
    "max_tokens": 24,
    "temperature": 0,
    "max_retries": 0,
}
chat = OpenAILike(is_chat_model=True, context_window=1024, **options)
turns = [ChatMessage(role="user", content=question)]
said = chat.chat(turns)
pieces = list(chat.stream_chat(turns))
raw = OpenAILike(is_chat_model=False, context_window=1024, **options)
print(
    json.dumps(
        {
            "whole": said.message.content,
            "citations": len(said.raw.model_extra["citations"]),
            "streamed": pieces[-1].message.content,
            "pieces": len(pieces),
            "raw": raw.complete("The port").text,
        }
    )
)
