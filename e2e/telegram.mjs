// Telegram's Bot API on loopback, as much of it as Mission Control asks for. It keeps what it was sent and when.
import { createServer } from "node:http";

/** The bot's token, and the chat that is allowed. */
export const TOKEN = "424242:AAEtestsecretTESTSECRET_0123456789-x";
export const CHAT = 5005;

/** Starts the service; `messages` are the texts that were sent, oldest first, each with its buttons and its moment. */
export async function telegram() {
  const messages = [];
  const answers = {
    getMe: () => ({ id: 424242, is_bot: true, first_name: "Mission", username: "mission_test_bot" }),
    getUpdates: () => [],
    sendMessage: ({ chat_id: chat, text, reply_markup: keyboard }) => {
      const buttons = (keyboard?.inline_keyboard ?? []).flat().map((b) => b.text);
      messages.push({ at: Date.now(), chat, text, buttons });
      return { message_id: messages.length, date: 1, chat: { id: chat, type: "private", first_name: "Mara" }, text };
    },
  };
  const server = createServer((req, res) => {
    const chunks = [];
    req.on("data", (c) => chunks.push(c));
    req.on("end", () => {
      const json = (status, value) => res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
      const method = req.url.match(/^\/bot([^/]+)\/(\w+)$/);
      if (method?.[1] !== TOKEN) return json(401, { ok: false, error_code: 401, description: "Unauthorized" });
      const text = Buffer.concat(chunks).toString();
      const result = (answers[method[2]] ?? (() => true))(text ? JSON.parse(text) : {});
      // A question for news is held open as long as it allows, or until we end.
      const hold = method[2] === "getUpdates" ? setTimeout(() => json(200, { ok: true, result }), 20_000).unref() : null;
      if (hold) res.on("close", () => clearTimeout(hold));
      else json(200, { ok: true, result });
    });
  });
  await new Promise((up) => server.listen(0, "127.0.0.1", up));
  const url = `http://127.0.0.1:${server.address().port}`;
  const config = `[telegram]\ntoken_env = "TELEGRAM_BOT_TOKEN"\napi_url = "${url}"\nchats = [${CHAT}]\n`;
  return { messages, config, env: { TELEGRAM_BOT_TOKEN: TOKEN }, end: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}
