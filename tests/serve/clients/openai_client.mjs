// OpenAI's client for JavaScript against a served run: models, an answer, a stream, an error. Prints JSON.
import OpenAI from "openai";

const [url, model, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
const models = [];
for await (const one of await client.models.list()) models.push(one.id);
const messages = [{ role: "user", content: question }];
const options = { model, messages, max_tokens: 24, temperature: 0 };
const { data: whole, response } = await client.chat.completions.create(options).withResponse();
const stream = await client.chat.completions.create({ ...options, stream: true, stream_options: { include_usage: true } });
let streamed = "", usage = null, pieces = 0;
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
  pieces += 1;
}
const helper = await client.chat.completions.stream(options).finalChatCompletion();
let refused = null;
try {
  await client.chat.completions.create({ ...options, model: "gpt-4" });
} catch (error) {
  refused = { kind: error.constructor.name, status: error.status, code: error.code, id: error.requestID };
}
const raw = await client.completions.create({ model, prompt: "The port", max_tokens: 4 });
console.log(JSON.stringify({
  models, whole: whole.choices[0].message.content, citations: whole.citations.length, id: whole._request_id,
  header: response.headers.get("x-request-id"), streamed, usage, pieces,
  helper: helper.choices[0].message.content, refused, raw: raw.choices[0].text,
}));
