// A model's service on loopback, as much of it as the real agent asks for. What it answers stands in the prompt itself:
// `MODEL: ["first answer", "second answer"]`; the newest such list of a conversation counts, one answer for each of the
// model's turns since. What no person writes is answered by a rule: when the message holds these words, that answer.
import { createServer } from "node:http";

const text = (content) => (typeof content === "string" ? content : (content ?? []).map((b) => b.text ?? "").join("\n"));

/** The list behind the last mark of a text. */
function script(said) {
  const at = said.lastIndexOf("MODEL: [");
  if (at < 0) return null;
  for (let end = said.indexOf("]", at); end > 0; end = said.indexOf("]", end + 1)) {
    try { return JSON.parse(said.slice(at + 7, end + 1)); } catch { /* a bracket inside an answer */ }
  }
  return null;
}

/** The answers of the first rule whose words a text holds. */
function ruled(said, rules) {
  const rule = rules.find((r) => said.includes(r.words));
  return rule ? [typeof rule.answer === "function" ? rule.answer(said) : rule.answer] : null;
}

function answer(body, rules) {
  let list = ["There was no script."], turn = 0, before = "";
  for (const message of body.messages ?? []) {
    const said = message.role === "user" ? text(message.content) : "";
    const found = script(said) ?? ruled(said, rules);
    if (found) [list, turn] = [found, 0];
    else if (message.role === "assistant" && before !== "assistant") turn += 1;
    before = message.role;
  }
  return list[turn] ?? "The script is over.";
}

/**
 * Starts the service; `asked` are the conversations of the agent's own turns, oldest first. `rules` are `{ words, answer }`,
 * where an answer may also be made of the message; keys in `refused` get a 401 for everything they ask.
 */
export async function model({ rules = [] } = {}) {
  const [asked, refused] = [[], new Set()];
  const server = createServer((req, res) => {
    const chunks = [];
    req.on("data", (c) => chunks.push(c));
    req.on("end", () => {
      const json = (status, value) => res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
      const path = req.url.split("?")[0];
      if (req.method === "HEAD") return json(200, {});
      if (!path.endsWith("/messages")) return json(path.endsWith("/count_tokens") ? 200 : 404, { input_tokens: 9 });
      if (refused.has(req.headers["x-api-key"])) {
        return json(401, { type: "error", error: { type: "authentication_error", message: "invalid x-api-key" } });
      }
      const body = JSON.parse(Buffer.concat(chunks).toString());
      const own = (body.tools ?? []).length > 0;
      if (own) asked.push(body.messages.filter((m) => m.role === "user").map((m) => text(m.content)).join("\n"));
      const said = own ? answer(body, rules) : '{"title":"A title"}';
      const usage = { input_tokens: 100, cache_creation_input_tokens: 0, cache_read_input_tokens: 900, output_tokens: 20 };
      const message = { id: `msg_${asked.length}_${Date.now()}`, type: "message", role: "assistant", model: body.model,
        content: [{ type: "text", text: said }], stop_reason: "end_turn", stop_sequence: null, usage };
      if (!body.stream) return json(200, message);
      res.writeHead(200, { "content-type": "text/event-stream" });
      const send = (data) => res.write(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`);
      send({ type: "message_start", message: { ...message, content: [], stop_reason: null } });
      send({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
      send({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: said } });
      send({ type: "content_block_stop", index: 0 });
      send({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage });
      send({ type: "message_stop" });
      res.end();
    });
  });
  await new Promise((up) => server.listen(0, "127.0.0.1", up));
  return { asked, rules, refused, url: `http://127.0.0.1:${server.address().port}`, end: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}
