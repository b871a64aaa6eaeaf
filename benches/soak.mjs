// The soak: a real server with the demo agent in every slot, a hundred open streams and people who look at pages, for as
// many minutes as one likes; then: does its memory grow, are its file handles and threads flat, what does a run leave on
// the disk. Everything lies in one temporary folder and listens on loopback; all of it is gone at the end, and when
// interrupted.
//
//   node benches/soak.mjs [--minutes 60] [--slots 8] [--readers 100] [--json FILE]      MC_BIN says which program
import { execFileSync, spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const bin = resolve(process.env.MC_BIN ?? join(root, "target/release/mission-control"));

/** Memory may grow by so much after the warm-up; asked only of runs that are long enough to tell. */
const MB_PER_HOUR = 1;
const GATED_FROM_MINUTES = 30;
function options() {
  const all = { minutes: Number(process.env.MINUTES ?? 10), slots: 8, readers: 100, json: join(root, "target/soak.json") };
  const args = process.argv.slice(2);
  while (args.length) {
    const name = args.shift().replace(/^--/, "");
    const value = args.shift();
    if (!(name in all) || value === undefined) fail(`unknown: --${name} ${value ?? ""}`);
    all[name] = name === "json" ? value : Number(value);
  }
  const range = (name, least, most) => {
    if (!(all[name] >= least && all[name] <= most)) fail(`--${name} must be between ${least} and ${most}`);
  };
  range("minutes", 0.5, 7 * 24 * 60);
  range("slots", 1, 64);
  range("readers", 0, 180);
  if (!existsSync(bin)) fail(`${bin} is not there: build it first (cargo build --release), or say where it is in MC_BIN`);
  return all;
}

function fail(words) {
  console.error(`soak: ${words}`);
  process.exit(2);
}

const plan = options();
/** Handles and threads swing by what comes and goes: a reader that connects anew, a run with its follower and its shim. */
const SWING = 10 + plan.slots;
const dir = mkdtempSync(join(tmpdir(), "mc-soak-"));
const data = join(dir, "data");
const sleep = (ms) => new Promise((go) => setTimeout(go, ms));
const random = (n) => Math.floor(Math.random() * n);
const count = { tickets: 0, ended: 0, answered: 0, pages: 0, events: 0, streams: 0 };
const errors = new Map();
let server, local, over = false, exit = null;

/** What went wrong is counted by its words. */
function note(what, e) {
  if (over) return;
  const words = `${what}: ${e?.code ?? e?.message ?? e}`;
  errors.set(words, (errors.get(words) ?? 0) + 1);
}

// --- the server

async function start() {
  for (const sub of ["data", "home", "shop"]) mkdirSync(join(dir, sub));
  const shop = join(dir, "shop");
  writeFileSync(join(shop, "README.md"), "# Shop\n");
  const git = (...args) => execFileSync("git", ["-c", "user.name=Soak", "-c", "user.email=soak@localhost", "-c", "commit.gpgsign=false", ...args], { cwd: shop });
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "Begin");
  writeFileSync(
    join(data, "config.toml"),
    `[defaults]\nprofile = "demo"\n\n[pickup]\nmax_workers = ${plan.slots}\n\n[profiles.demo]\nruntime = "demo"\nconcurrency = ${plan.slots}\n` +
      `env = { MC_DEMO_PACE_MS = "100" }\n\n[[projects]]\nname = "shop"\ncwd = ${JSON.stringify(shop)}\n`,
  );
  const env = { PATH: process.env.PATH, LANG: "C.UTF-8", HOME: join(dir, "home"), MC_LOG: "warn" };
  server = spawn(bin, ["serve", "--data", data, "--listen", "127.0.0.1:0"], { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  server.stderr.on("data", (bytes) => {
    said = (said + bytes).slice(-4000);
    for (const line of String(bytes).split("\n")) if (/\b(WARN|ERROR)\b/.test(line)) note("server", line.replace(/^\S+\s+/, "").slice(0, 160));
  });
  server.on("exit", (code, signal) => {
    exit = { code, signal };
    if (!over) note("server", `ended by itself (${code ?? signal}): ${said.slice(-300)}`);
  });
  for (let tries = 0; ; tries++) {
    if (exit || tries > 600) throw new Error(`the server does not start: ${said}`);
    try {
      local = JSON.parse(readFileSync(join(data, "local.json"), "utf8"));
      await ask("GET", "/api/v1/health");
      break;
    } catch {
      await sleep(50);
    }
  }
  if (!["127.0.0.1", "[::1]", "localhost"].includes(new URL(local.url).hostname)) throw new Error(`only loopback is loaded, not ${local.url}`);
}

const kept = new http.Agent({ keepAlive: true, maxSockets: 16 });

/** One request; its answer's body as text. A kept connection that the server has just closed is no error of its. */
async function ask(method, path, body) {
  for (;;) {
    try {
      return await askOnce(method, path, body);
    } catch (e) {
      if (!e.stale) throw e;
    }
  }
}

function askOnce(method, path, body) {
  return new Promise((done, broken) => {
    const headers = { authorization: `Bearer ${local.token}`, "accept-encoding": "identity" };
    if (body) headers["content-type"] = "application/json";
    const req = http.request(local.url + path, { method, headers, agent: kept, timeout: 60_000 }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (part) => { text += part; });
      res.on("end", () => (res.statusCode < 400 ? done(text) : broken(new Error(`${res.statusCode} ${method} ${path.replace(/MC-\d+/, "MC-n")}`))));
      res.on("error", broken);
    });
    req.on("timeout", () => req.destroy(new Error("no answer within 60 s")));
    req.on("error", (e) => broken(Object.assign(e, { stale: req.reusedSocket && e.code === "ECONNRESET" })));
    req.end(body && JSON.stringify(body));
  });
}

// --- who uses it

/** One of the newest tickets; there is one from the start. */
const newest = () => `MC-${Math.max(1, count.tickets - random(plan.slots * 2))}`;
const ENDED = ["done", "in_review", "blocked", "cancelled"];

/** Keeps one slot busy: a ticket after the other, each seen through to its end; a question on the way is answered. */
async function worker(n) {
  for (let k = 0; !over; k++) {
    try {
      const extra = k % 5 === 1 ? "[demo: ask Which region? | eu | us]" : k % 5 === 3 ? "[demo: review]" : "";
      const message = `Soak ${n}.${k} #shop\n\n[demo: say Looking at it] [demo: steps ${20 + random(60)} every 100ms] ${extra}`;
      const made = JSON.parse(await ask("POST", "/api/v1/session_start", { mode: "implement_now", message })).ticket;
      const id = made.identifier ?? `MC-${made.id}`;
      count.tickets = Math.max(count.tickets, Number(id.split("-")[1]));
      for (let answered = false; !over; ) {
        await sleep(700);
        const { status } = JSON.parse(await ask("GET", `/api/v1/tickets/${id}`));
        if (ENDED.includes(status)) break;
        if (status === "needs_input" && !answered) {
          answered = true;
          await ask("POST", `/api/v1/tickets/${id}/comments`, { body: "eu, please" });
          count.answered++;
        }
      }
      if (!over) count.ended++;
    } catch (e) {
      note("ticket", e);
      await sleep(1000);
    }
  }
}

/** A page that is open: its stream, for a while; then another page. Some read slowly, and some vanish in mid-word. */
async function reader() {
  while (!over) {
    const paths = ["/stream", "/board/stream", "/inbox/stream", "/tasks/stream", "/luci/stream", "/api/v1/stream",
      `/tickets/${newest()}/stream`, `/tickets/${newest()}/stream`, `/tickets/${newest()}/stream`, `/api/v1/tickets/${newest()}/stream`];
    const path = paths[random(paths.length)];
    const slow = random(10) === 0;
    await new Promise((done) => {
      const req = http.get(local.url + path, { headers: { authorization: `Bearer ${local.token}` }, agent: false }, (res) => {
        if (res.statusCode !== 200) {
          note("stream", `${res.statusCode} ${path.replace(/MC-\d+/, "MC-n")}`);
          res.resume();
          req.destroy();
          return;
        }
        count.streams++;
        res.on("data", (part) => {
          for (let at = -1; (at = part.indexOf("\n\n", at + 1)) >= 0; ) count.events++;
          if (slow) {
            res.pause();
            setTimeout(() => res.resume(), 2000);
          }
        });
        res.on("error", () => {});
      });
      const timer = setTimeout(() => req.destroy(), 10_000 + random(50_000));
      req.on("error", (e) => { if (e.code !== "ECONNRESET") note("stream", e); });
      req.on("close", () => { clearTimeout(timer); done(); });
    });
    await sleep(200 + random(800));
  }
}

/** Somebody who looks around. */
async function poller() {
  while (!over) {
    const paths = ["/", "/board", "/inbox", "/luci", "/tasks", "/settings", "/console", "/api/v1/tickets", `/tickets/${newest()}`,
      `/tickets/${newest()}?tab=live`, `/api/v1/tickets/${newest()}/events`];
    try {
      await ask("GET", paths[random(paths.length)]);
      count.pages++;
    } catch (e) {
      note("page", e);
    }
    await sleep(250);
  }
}

// --- what is measured

function diskBytes(path) {
  let sum = 0;
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return 0; // Gone since it was listed.
  }
  for (const entry of entries) {
    const file = join(path, entry.name);
    try {
      sum += entry.isDirectory() ? diskBytes(file) : lstatSync(file).blocks * 512;
    } catch {
      // Gone since it was listed.
    }
  }
  return sum;
}

function sample(began) {
  const proc = `/proc/${server.pid}`;
  const rollup = readFileSync(`${proc}/smaps_rollup`, "utf8");
  const mb = (key) => Number(rollup.match(new RegExp(`^${key}:\\s+(\\d+) kB`, "m"))[1]) / 1024;
  const threads = Number(readFileSync(`${proc}/status`, "utf8").match(/^Threads:\s+(\d+)/m)[1]);
  return { s: (Date.now() - began) / 1000, rss: mb("Rss"), anonymous: mb("Anonymous"), handles: readdirSync(`${proc}/fd`).length, threads, ended: count.ended };
}

/** What the threads are, by name. */
function threadNames() {
  const names = {};
  for (const id of readdirSync(`/proc/${server.pid}/task`)) {
    try {
      const name = readFileSync(`/proc/${server.pid}/task/${id}/comm`, "utf8").trim();
      names[name] = (names[name] ?? 0) + 1;
    } catch {
      // Gone since it was listed.
    }
  }
  return names;
}

/** Least squares: how much y grows with each unit of x. */
function slope(points) {
  const n = points.length;
  const mean = (k) => points.reduce((sum, p) => sum + p[k], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const under = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}

async function measure() {
  const began = Date.now();
  const end = began + plan.minutes * 60_000;
  const every = Math.max(2000, Math.min(10_000, (plan.minutes * 60_000) / 60));
  const samples = [];
  const disk = [];
  for (let n = 0; Date.now() < end && !exit && !over; n++) {
    await sleep(every);
    if (exit || over) break;
    samples.push(sample(began));
    if (n % 6 === 0) disk.push({ ended: count.ended, bytes: diskBytes(dir) });
    const s = samples.at(-1);
    const line = `${(s.s / 60).toFixed(1).padStart(6)} min  ${s.rss.toFixed(1)} MB (${s.anonymous.toFixed(1)} anonymous)  ${s.handles} handles  ${s.threads} threads  ${s.ended} tickets  ${count.events} events`;
    if (process.stdout.isTTY) process.stdout.write(`\r${line}  `);
    else if (n % 6 === 0) console.log(line);
  }
  if (process.stdout.isTTY) process.stdout.write("\n");
  disk.push({ ended: count.ended, bytes: diskBytes(dir) });
  return { samples, disk, threads: exit ? {} : threadNames() };
}

function report({ samples, disk, threads }) {
  // A third of a short run, ten minutes of a long one: until every cache and pool has been filled once.
  const warm = Math.min(600, plan.minutes * 20);
  const after = samples.filter((s) => s.s >= warm);
  const third = Math.max(1, Math.floor(after.length / 3));
  const drift = (key) => median(after.slice(-third).map((s) => s[key])) - median(after.slice(0, third).map((s) => s[key]));
  const perHour = (key) => slope(after.map((s) => [s.s / 3600, s[key]]));
  const most = (key) => Math.max(0, ...samples.map((s) => s[key]));
  const gated = plan.minutes >= GATED_FROM_MINUTES;
  const enough = after.length >= 9;
  const kb = slope(disk.map((d) => [d.ended, d.bytes / 1024]));
  const wrong = [...errors.values()].reduce((a, b) => a + b, 0);
  const last = samples.at(-1) ?? { rss: 0, anonymous: 0 };
  const rows = [
    ["memory slope", `${perHour("rss").toFixed(2)} MB/h`, gated ? `at most ${MB_PER_HOUR}` : `no gate under ${GATED_FROM_MINUTES} min`, !gated || perHour("rss") <= MB_PER_HOUR],
    ["  of it anonymous", `${perHour("anonymous").toFixed(2)} MB/h`, "", true],
    ["memory at the end, at most", `${last.rss.toFixed(1)} MB, ${most("rss").toFixed(1)} MB`, "", true],
    ["file handles, drift", `${most("handles")}, ${drift("handles")}`, `drift within ${SWING}`, drift("handles") <= SWING],
    ["threads, drift", `${most("threads")}, ${drift("threads")}`, `drift within ${SWING}`, drift("threads") <= SWING],
    ["disk for each ticket", `${kb.toFixed(0)} KB`, "", true],
    ["tickets ended, answered", `${count.ended}, ${count.answered}`, "some", count.ended > 0],
    ["streams opened, events", `${count.streams}, ${count.events}`, "some", plan.readers === 0 || count.events > 0],
    ["pages", `${count.pages}`, "some", count.pages > 0],
    ["errors", `${wrong}`, "none", wrong === 0],
    ["samples after the warm-up", `${after.length}`, "at least 9", enough],
  ];
  console.log(`\nSoak: ${plan.minutes} min, ${plan.slots} slots, ${plan.readers} readers; the first ${Math.round(warm)} s are warm-up\n`);
  for (const [what, value, gate, good] of rows) console.log(`${good ? "  " : "✗ "}${what.padEnd(28)}${value.padEnd(24)}${gate}`);
  for (const [words, n] of errors) console.log(`    ${n} × ${words}`);
  console.log(`\nThreads at the end: ${Object.entries(threads).map(([name, n]) => `${n} ${name}`).join(", ")}`);
  const good = rows.every((r) => r[3]);
  mkdirSync(dirname(resolve(plan.json)), { recursive: true });
  writeFileSync(plan.json, JSON.stringify({ ...plan, bin, warmUpSeconds: warm, good, rows: rows.map(([what, value, gate, good]) => ({ what: what.trim(), value, gate, good })), errors: Object.fromEntries(errors), count, threads, samples, disk }, null, 1) + "\n");
  console.log(`\n${good ? "All gates met." : "NOT ALL GATES MET."} ${resolve(plan.json)}`);
  return good;
}

// --- the end

/** Processes that we started, directly or not: those whose home lies in our folder. */
function ours() {
  const mark = `HOME=${join(dir, "home")}`;
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark);
    } catch {
      return false; // Gone, or not ours to look at.
    }
  });
}

async function cleanUp() {
  over = true;
  kept.destroy();
  if (server && !exit) {
    server.kill("SIGTERM");
    for (let n = 0; !exit && n < 200; n++) await sleep(50);
  }
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    for (const pid of ours()) {
      try {
        process.kill(pid, signal);
      } catch {
        // Gone by itself.
      }
    }
    for (let n = 0; ours().length && n < 60; n++) await sleep(50);
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  const left = ours();
  if (left.length) console.error(`soak: still there: ${left.join(" ")}`);
}

let cleaning;
const finish = (code) => { cleaning ??= cleanUp().then(() => process.exit(code)); return cleaning; };
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => finish(130));

try {
  await start();
  await ask("POST", "/api/v1/session_start", { mode: "quick_ticket", message: "For later" });
  for (let n = 0; n < plan.slots + 2; n++) worker(n);
  for (let n = 0; n < plan.readers; n++) reader();
  for (let n = 0; n < 4; n++) poller();
  const measured = await measure();
  if (!over) {
    over = true;
    await finish(report(measured) ? 0 : 1);
  }
} catch (e) {
  console.error(`soak: ${e.message}`);
  await finish(1);
}
