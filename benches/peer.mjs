// What a mission control costs to run and how soon it answers, as absolute figures, for any program of that kind that
// listens on this machine. They vary with the machine: to be set beside each other, never to be gates.
//
//   node benches/peer.mjs http://127.0.0.1:8420 [--token T | --data DIR] [--pid N | --start "program arguments"]
//        [--fill N] [--health /path] [--list /path] [--create /path] [--stream /path] [--board /path] [--card .selector]
//        [--title name-of-the-field] [--seconds N] [--json FILE] [--only list,create,seen,page,phone]
//
// The paths are those of this project unless told otherwise. Node alone is needed, and a Chromium for the last two.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DEFAULTS = {
  token: "", data: "", pid: "", start: "", fill: "0", health: "/api/v1/health", list: "/api/v1/tickets?limit=50",
  create: "/api/v1/tickets", stream: "/api/v1/stream", board: "/board", card: ".card", title: "title", seconds: "3",
  json: "", only: "",
};
const CONNECTIONS = 8;
const READERS = 50;
/** A phone of some years ago: Chromium's own measure for a slow processor, and a poor line. */
const SLOW = { cpu: 4, bytesPerSecond: (1.6e6 / 8), latencyMs: 150 };

const [base, o] = options(process.argv.slice(2));
const rows = [];
const undo = [];
const wanted = (what) => !o.only || o.only.split(",").includes(what);

const short = (v) => (Math.abs(v) >= 100 ? v.toFixed(0) : Number.isInteger(v) ? `${v}` : v.toFixed(1));
const which = (name) => (process.env.PATH ?? "").split(":").map((d) => join(d, name)).find((f) => existsSync(f));
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const quantile = (all, q) => [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * q))] ?? NaN;
const once = (path) => ask(undefined, "GET", path).then((a) => a.status === 200, () => false);
const timed = (agent, seconds, work) => load(agent, Infinity, work, seconds);

async function main() {
  let pid = Number(o.pid) || 0;
  if (o.start) pid = await start();
  if (o.data) o.token = JSON.parse(readFileSync(join(o.data, "local.json"), "utf8")).token;
  if (pid) tell("resident, idle", resident(pid), "MB", "the process and its children");
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  undo.push(() => agent.destroy());
  if (Number(o.fill)) {
    const made = await load(agent, Number(o.fill), (n) => post(agent, `Filled in, number ${n}`));
    console.error(`filled with ${made.times.length} in ${made.seconds.toFixed(1)} s`);
  }
  if (wanted("list")) {
    await timed(agent, 0.5, () => get(agent, o.list));
    const found = await timed(agent, Number(o.seconds), () => get(agent, o.list));
    rates("list 50, 8 connections", found);
  }
  if (wanted("create")) {
    let n = 0;
    rates("create a ticket, 8 connections", await timed(agent, Number(o.seconds), () => post(agent, `A ticket, number ${n++}`)));
  }
  if (wanted("seen")) await seen(agent);
  if (pid) tell("resident, after load", resident(pid), "MB", "");
  const chromium = ["chromium", "chromium-browser", "google-chrome"].map(which).find(Boolean);
  for (const [name, slow, what] of [["page", null, "board, cold"], ["phone", SLOW, "board, cold, slow phone"]]) {
    if (!wanted(name)) continue;
    if (!chromium) { console.error(`${what}: no Chromium here`); continue; }
    const found = [];
    for (let i = 0; i < 3; i++) found.push(await page(chromium, slow));
    const by = (f) => found.map(f).sort((a, b) => a - b)[1];
    tell(`${what}: requests`, by((f) => f.requests), "", "");
    tell(`${what}: bytes over the line`, by((f) => f.bytes) / 1024, "KB", "");
    tell(`${what}: first card`, by((f) => f.card), "ms", slow ? "processor ÷ 4, 1.6 Mbit/s, 150 ms" : "");
  }
}

function options(args) {
  const given = { ...DEFAULTS };
  let url;
  for (let i = 0; i < args.length; i++) {
    const name = args[i].startsWith("--") ? args[i].slice(2) : "";
    if (!name) url = args[i];
    else if (name in DEFAULTS) given[name] = args[++i] ?? "";
    else fail(`there is no --${name}`);
  }
  if (!url) fail("usage: node benches/peer.mjs http://127.0.0.1:8420 [--token T | --data DIR] …");
  const at = new URL(url);
  const host = at.hostname.replace(/^\[|\]$/g, "");
  if (at.protocol !== "http:" || !(host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host))) {
    fail(`${url}: only this machine's own loopback is measured`);
  }
  return [at, given];
}

function fail(text) {
  console.error(text);
  process.exit(2);
}

function end(code) {
  for (const f of undo.reverse()) try { f(); } catch { /* it has gone already */ }
  const width = Math.max(0, ...rows.map((r) => r.what.length));
  for (const r of rows) console.log(`${r.what.padEnd(width)}  ${short(r.value).padStart(9)} ${r.unit.padEnd(5)} ${r.note}`);
  if (o.json) writeFileSync(o.json, JSON.stringify({ base: base.href, figures: rows }, null, 2) + "\n");
  process.exit(code);
}

function tell(what, value, unit, note) {
  rows.push({ what, value, unit, note });
  console.error(`${what}: ${short(value)} ${unit}`);
}

/** Starts a program and waits for its first 200. Stopped at the end, with all that it started. */
async function start() {
  const [program, ...args] = o.start.split(" ").filter(Boolean);
  const began = performance.now();
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  child.on("error", (e) => { console.error(e.message); end(1); });
  undo.push(() => process.kill(-child.pid, "SIGTERM"));
  for (;;) {
    if (await once(o.health)) break;
    if (performance.now() - began > 60_000) throw new Error("it does not start");
    await pause(2);
  }
  tell("start → first 200", performance.now() - began, "ms", "");
  tell("the program", statSync(which(program) ?? program).size / 1024 / 1024, "MB", "its file alone");
  await pause(1_500);
  return child.pid;
}

/** Resident memory of a process and all that descends from it. */
function resident(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((n) => /^\d+$/.test(n))) {
    try {
      parents.set(Number(name), Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ").pop().split(" ")[1]));
    } catch { /* it has ended */ }
  }
  const family = (pid) => { for (let p = pid; p; p = parents.get(p)) if (p === root) return true; return false; };
  let kb = 0;
  for (const pid of parents.keys()) {
    if (!family(pid)) continue;
    try {
      kb += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    } catch { /* it has ended */ }
  }
  return kb / 1024;
}

function headers(more = {}) {
  return { ...(o.token ? { Authorization: `Bearer ${o.token}` } : {}), ...more };
}

function ask(agent, method, path, body) {
  return new Promise((good, bad) => {
    const more = body ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } : {};
    const req = http.request(new URL(path, base), { agent, method, headers: headers(more) }, (res) => {
      let bytes = 0;
      res.on("data", (d) => { bytes += d.length; });
      res.on("end", () => good({ status: res.statusCode, bytes }));
      res.on("error", bad);
    });
    req.on("error", bad);
    req.end(body);
  });
}

async function get(agent, path) {
  const answer = await ask(agent, "GET", path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
}

async function post(agent, title) {
  const answer = await ask(agent, "POST", o.create, JSON.stringify({ [o.title]: title }));
  if (answer.status >= 300) throw new Error(`${o.create}: ${answer.status}`);
}

/** So many times, or for so long, over all connections. */
async function load(agent, count, work, seconds = Infinity) {
  const times = [];
  const began = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (next < count && performance.now() - began < seconds * 1e3) {
      const at = performance.now();
      await work(next++);
      times.push(performance.now() - at);
    }
  }));
  return { times, seconds: (performance.now() - began) / 1e3 };
}

function rates(what, { times, seconds }) {
  tell(what, times.length / seconds, "/s", "");
  tell(`${what}: p99`, quantile(times, 0.99), "ms", "");
}

/** From a POST to each of 50 open streams. */
async function seen(agent) {
  const late = [];
  let posted = { mark: "", at: 0, heard: 0 };
  const streams = new http.Agent({ maxSockets: READERS });
  undo.push(() => streams.destroy());
  await Promise.all(Array.from({ length: READERS }, () => new Promise((open, bad) => {
    const req = http.get(new URL(o.stream, base), { agent: streams, headers: headers({ Accept: "text/event-stream" }) }, (res) => {
      if (res.statusCode !== 200) return bad(new Error(`${o.stream}: ${res.statusCode}`));
      let told = "";
      res.on("data", (data) => {
        if (told === posted.mark || !data.includes(posted.mark)) return;
        told = posted.mark;
        posted.heard++;
        late.push(performance.now() - posted.at);
      });
      res.on("error", () => {});
      open();
    });
    req.on("error", bad);
  })));
  await pause(300);
  for (let n = 0; n < 60; n++) {
    posted = { mark: `seen-${n}-${Math.random().toString(36).slice(2)}`, at: performance.now(), heard: 0 };
    await post(agent, posted.mark);
    for (let i = 0; i < 1_000 && posted.heard < READERS; i++) await pause(2);
    await pause(60);
  }
  streams.destroy();
  tell("POST → 50 streams, p50", quantile(late, 0.5), "ms", `${late.length} of ${60 * READERS} heard`);
  tell("POST → 50 streams, p99", quantile(late, 0.99), "ms", "");
}

/** One cold visit of the board with a browser of its own, spoken to over a pipe. */
async function page(program, slow) {
  const profile = mkdtempSync(join(tmpdir(), "peer-"));
  const args = ["--headless=new", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "about:blank"];
  const browser = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], detached: true });
  const stop = () => {
    try { process.kill(-browser.pid, "SIGKILL"); } catch { /* it has ended */ }
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  undo.push(stop);
  try {
    const tab = new Tab(browser.stdio[3], browser.stdio[4]);
    const { targetId } = await tab.send("Target.createTarget", { url: "about:blank" });
    tab.session = (await tab.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    return await visit(tab, slow);
  } finally {
    undo.pop();
    stop();
  }
}

class Tab {
  constructor(to, from) {
    Object.assign(this, { to, next: 0, waits: new Map(), heard: [], session: undefined });
    let rest = "";
    from.setEncoding("utf8");
    from.on("data", (data) => {
      const parts = (rest + data).split("\0");
      rest = parts.pop();
      for (const m of parts.map((p) => JSON.parse(p))) {
        if (m.id) this.waits.get(m.id)?.(m);
        else this.heard.push(m);
      }
    });
    for (const pipe of [to, from]) pipe.on("error", () => {});
  }

  send(method, params = {}) {
    return new Promise((good, bad) => {
      const id = ++this.next;
      this.waits.set(id, (m) => (m.error ? bad(new Error(`${method}: ${m.error.message}`)) : good(m.result)));
      this.to.write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    });
  }
}

async function visit(tab, slow) {
  await tab.send("Page.enable");
  await tab.send("Network.enable");
  if (o.token) await tab.send("Network.setExtraHTTPHeaders", { headers: headers() });
  if (slow) {
    await tab.send("Emulation.setCPUThrottlingRate", { rate: slow.cpu });
    await tab.send("Network.emulateNetworkConditions", {
      offline: false, latency: slow.latencyMs, downloadThroughput: slow.bytesPerSecond, uploadThroughput: slow.bytesPerSecond / 2,
    });
    await tab.send("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  }
  // The moment of the frame in which the first card can be seen.
  const source = `{ const look = () => { const card = document.querySelector(${JSON.stringify(o.card)});
    if (card && card.getClientRects().length) requestAnimationFrame(() => { window.firstCard ??= performance.now(); });
    else requestAnimationFrame(look); }; look(); }`;
  await tab.send("Page.addScriptToEvaluateOnNewDocument", { source });
  await tab.send("Page.navigate", { url: new URL(o.board, base).href });
  let card = 0;
  for (let i = 0; i < 1_500 && !card; i++) {
    await pause(20);
    const { result } = await tab.send("Runtime.evaluate", { expression: "window.firstCard ?? 0" });
    card = result.value || 0;
  }
  if (!card) throw new Error(`no ${o.card} was seen on ${o.board}`);
  // What comes right after belongs to a cold visit too.
  await pause(slow ? 3_000 : 1_000);
  const all = tab.heard.filter((m) => m.method === "Network.requestWillBeSent" && m.params.request.url.startsWith("http"));
  const bytes = tab.heard.filter((m) => m.method === "Network.loadingFinished").reduce((sum, m) => sum + m.params.encodedDataLength, 0);
  return { card, requests: all.length, bytes };
}

process.once("SIGINT", () => end(130));
process.once("SIGTERM", () => end(143));
try {
  await main();
  end(0);
} catch (e) {
  console.error(`\n${e.message}`);
  end(1);
}
