"""langchain-openai against a served run: an answer, a stream, a batch, vectors refused. Prints what it saw as JSON."""

import json
import sys

from langchain_openai import ChatOpenAI, OpenAIEmbeddings

url, model, question = sys.argv[1:]
chat = ChatOpenAI(base_url=f"{url}/v1", api_key="any", model=model, max_tokens=24, temperature=0, max_retries=0)
whole = chat.invoke([("system", "Be brief."), ("user", question)])
chunks = list(chat.stream(question))
batch = chat.batch([question, "What else?"])
try:
    OpenAIEmbeddings(
        base_url=f"{url}/v1", api_key="any", model=model, max_retries=0, check_embedding_ctx_length=False
    ).embed_query("a port")
    refused = ""
except Exception as error:
    refused = f"{type(error).__name__}: {error}"
print(
    json.dumps(
        {
            "whole": whole.content,
            "usage": whole.usage_metadata,
            "reason": whole.response_metadata["finish_reason"],
            "streamed": "".join(c.content for c in chunks),
            "pieces": len(chunks),
            "alone": chat.invoke(question).content,
            "batch": [b.content for b in batch],
            "refused": refused,
        }
    )
)
