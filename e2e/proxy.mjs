// A TCP proxy that breaks connections as a bad network does.
import net from "node:net";
import { until } from "./lib.mjs";

/** Forwards to a port of this machine until told otherwise. */
export async function proxy(to) {
  const pairs = new Set();
  const streams = new Set();
  const state = { port: 0, cuts: 0, refusing: false };
  const server = net.createServer((client) => {
    if (state.refusing) return client.resetAndDestroy();
    const upstream = net.connect(to, "127.0.0.1");
    const pair = { client, upstream, bytes: 0, stream: false };
    pairs.add(pair);
    client.on("data", (bytes) => {
      if (/^GET \S*\/stream\?/.test(bytes.toString("latin1"))) { pair.stream = true; pair.bytes = 0; streams.add(pair); }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      pair.bytes += bytes.length;
      // A cut in mid-message: only a part of what came is passed on.
      if (pair.cutSoon && pair.stream && bytes.length > 200) { client.write(bytes.subarray(0, bytes.length >> 1), () => cut(pair)); pair.cutSoon = false; return; }
      if (!client.destroyed) client.write(bytes);
    });
    const over = () => { pairs.delete(pair); streams.delete(pair); client.destroy(); upstream.destroy(); };
    for (const socket of [client, upstream]) socket.on("close", over).on("error", over);
  });
  const cut = (pair) => { state.cuts += 1; pair.client.resetAndDestroy(); pair.upstream.destroy(); };
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  state.port = server.address().port;
  return Object.assign(state, {
    /** Resets the live stream in the middle of its next message. */
    async cutInMidStream() {
      const before = state.cuts;
      const pair = await until("a live stream through the proxy", () => [...streams].at(-1));
      pair.cutSoon = true;
      await until("the cut", () => state.cuts > before);
    },
    /** Lets nobody through, or all again. */
    refuse(on) {
      state.refusing = on;
      if (on) for (const pair of [...pairs]) { pair.client.resetAndDestroy(); pair.upstream.destroy(); }
    },
    close() {
      for (const pair of [...pairs]) { pair.client.destroy(); pair.upstream.destroy(); }
      return new Promise((done) => server.close(done));
    },
  });
}
