// What the browser tests share: the real program in a data folder of its own, a real browser, and waiting for what is
// to happen instead of sleeping.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));

/** The repository's root. */
export const root = resolve(here, "..");

/** The program under test. */
export const bin = resolve(process.env.MC_BIN ?? join(root, "target/debug/mission-control"));

/** How long anything may take before a test says that it does not happen. */
export const PATIENCE = 30_000;

/** The two sizes that every page must look good at. */
export const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
export const desk = { viewport: { width: 1440, height: 900 } };
export const sizes = { phone, desk };

/** Waits until `look` gives something truthy, and gives it back. */
export async function until(what, look, patience = PATIENCE) {
  const end = Date.now() + patience;
  let last;
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
      last = undefined;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`waited ${patience} ms in vain for: ${what}`, { cause: last });
    await new Promise((go) => setTimeout(go, 25));
  }
}

/**
 * Starts the program on a free port with a data folder of its own.
 * `config` is more text for its config.toml; `env` more environment; `flags` more flags of `serve`.
 */
export async function mission({ config = "", env = {}, flags = [], pace = 30 } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "mc-e2e-"));
  const data = join(dir, "data");
  const home = join(dir, "home");
  mkdirSync(data);
  mkdirSync(home);
  await repository(join(dir, "shop"));
  // The demo agent, whatever agent programs this machine has; a repository, so that worktrees are real.
  const toml = `[defaults]\nprofile = "demo"\n\n[pickup]\nmax_workers = 3\nstop_grace = "2s"\n\n` +
    `[profiles.demo]\nruntime = "demo"\nenv = { MC_DEMO_PACE_MS = "${pace}" }\n\n` +
    `[[projects]]\nname = "shop"\ncwd = ${JSON.stringify(join(dir, "shop"))}\n\n${config}\n`;
  writeFileSync(join(data, "config.toml"), toml);
  const environment = { PATH: process.env.PATH, LANG: "C.UTF-8", HOME: home, MC_DATA: data, ...env };
  const mc = new Mission(dir, data, environment, flags);
  await mc.start();
  return mc;
}

async function repository(dir) {
  mkdirSync(dir);
  writeFileSync(join(dir, "README.md"), "# Shop\n");
  const git = (...args) => run("git", ["-c", "user.name=E2E", "-c", "user.email=e2e@localhost", "-c", "commit.gpgsign=false", ...args], { cwd: dir });
  await git("init", "-q", "-b", "main");
  await git("add", ".");
  await git("commit", "-q", "-m", "Begin");
}

class Mission {
  constructor(dir, data, env, flags) {
    Object.assign(this, { dir, data, env, flags, port: 0, said: "", browsers: [] });
  }

  /** Starts the server; a second time on the same port and data. */
  async start() {
    this.said = "";
    const child = spawn(bin, ["serve", "--listen", `127.0.0.1:${this.port}`, ...this.flags], { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    this.ended = new Promise((done) => child.on("exit", (code, signal) => done({ code, signal })));
    let over = null;
    this.ended.then((how) => { over = how; });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { this.said += bytes; });
    const url = await until("the server to say where it is", () => {
      if (over) throw new Error(`the server ended: ${JSON.stringify(over)}\n${this.said}`);
      return this.said.match(/Mission Control is at (http:\S+)/)?.[1];
    });
    this.url = url.replace(/\/$/, "");
    this.port = Number(new URL(this.url).port);
    await until("the server to answer", () => fetch(`${this.url}/login`).then((r) => r.ok));
    this.link ??= this.said.match(/http:\S+token=\S+/)?.[0];
  }

  /** Ends the server in the ordinary way. */
  async halt() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    return this.ended;
  }

  /** Runs a command of the program on this data folder. */
  async command(...args) {
    const { stdout } = await run(bin, args, { env: this.env });
    return stdout;
  }

  /** Rows of the database, read by a second reader. */
  async rows(sql) {
    const file = join(this.data, "mc.db");
    const { stdout } = await run("sqlite3", ["-readonly", "-json", "-cmd", ".timeout 5000", file, sql], { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim() ? JSON.parse(stdout) : [];
  }

  /** The browser; one per server is enough. */
  async browser() {
    this.chromium ??= chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
    });
    return this.chromium;
  }

  /** A browser context that is logged in. The first one spends the link; the others share its login. */
  async context(options = desk) {
    const browser = await this.browser();
    this.login ??= this.logIn(browser);
    // Without breathing lamps: they cost a machine without a graphics card more than all else.
    const context = await browser.newContext({ reducedMotion: "reduce", ...options, baseURL: this.url, storageState: await this.login });
    context.setDefaultTimeout(PATIENCE);
    return context;
  }

  async logIn(browser) {
    const context = await browser.newContext({ baseURL: this.url });
    const token = new URL(this.link).searchParams.get("token");
    const answer = await context.request.post("/login", { form: { token, password: "correct horse" }, maxRedirects: 0 });
    assert.equal(answer.status(), 303, await answer.text());
    const state = await context.storageState();
    await context.close();
    return state;
  }

  /** A page of a logged-in person, whose console is watched: see [`quiet`]. */
  async page(options = desk, path = "/") {
    const context = await this.context(options);
    const page = await context.newPage();
    watch(page);
    await page.goto(path);
    return page;
  }

  /** Makes a ticket without a browser, as the composer's form does; gives its identifier. */
  async ticket(message, { now = false, project = "shop", role = "", priority = "" } = {}) {
    const answer = await this.post("/composer", { message, mode: now ? "implement_now" : "quick_ticket", project, role, priority });
    assert.equal(answer.status, 303, `the composer answered ${answer.status}`);
    return answer.headers.get("location").split("/").pop();
  }

  /** Posts a form as the page without script does. */
  async post(path, form) {
    this.login ??= this.logIn(await this.browser());
    const cookie = (await this.login).cookies.map((c) => `${c.name}=${c.value}`).join("; ");
    return fetch(this.url + path, {
      method: "POST", redirect: "manual", body: new URLSearchParams(form), headers: { cookie, origin: this.url },
    });
  }

  /** Waits until a ticket stands where it is to stand. */
  async stands(id, status, patience = PATIENCE) {
    const number = id.replace("MC-", "");
    return until(`${id} to be ${status}`, async () => (await this.rows(`select status from tickets where id = ${Number(number)}`))[0]?.status === status, patience);
  }

  /** Ends all, and holds the data to its invariants: nothing lost, nothing left behind. */
  async end() {
    try {
      await this.stopRuns();
      await (await this.chromium)?.close();
      const how = await this.halt();
      assert.equal(how.signal, null, `the server was ended by ${how.signal}`);
      assert.equal(how.code, 0, `the server ended with ${how.code}:\n${this.said.slice(-3000)}`);
      assert.doesNotMatch(this.said, /panicked/, "the server panicked");
      const checked = await run(bin, ["check"], { env: this.env }).catch((e) => ({ stdout: `${e.stdout}\n${e.stderr}` }));
      assert.match(checked.stdout, /all invariants hold/);
      await until("every process of this data folder to be gone", () => {
        const left = this.processes();
        if (left.length) throw new Error(left.join("\n"));
        return true;
      });
    } finally {
      await (await this.chromium)?.close();
      this.child.kill("SIGKILL");
      for (const line of this.processes()) process.kill(Number(line.split(" ")[0]), "SIGKILL");
      rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Workers outlive the server on purpose: a test that is over stops its own. */
  async stopRuns() {
    if (this.child.exitCode !== null || !this.login) return;
    const live = await this.rows("select distinct ticket_id as id from runs where state in ('starting', 'running')");
    for (const { id } of live) await this.post(`/tickets/MC-${id}/stop`, {});
    await until("all runs to be over", async () => (await this.rows("select 1 from runs where state in ('starting', 'running')")).length === 0);
    const awake = "select 1 from sessions where state not in ('down', 'broken', 'ended') union all select 1 from turns where state in ('claimed', 'sent')";
    if ((await this.rows(awake)).length) {
      await this.post("/luci/stop", {});
      await until("Luci to be asleep", async () => (await this.rows(awake)).length === 0);
    }
  }

  /** Processes that carry this data folder in their environment or their command, or work in it: `pid command`. */
  processes() {
    const found = [];
    for (const pid of readdirSync("/proc").filter((n) => /^\d+$/.test(n))) {
      try {
        // A zombie has an empty command line and is gone for all purposes.
        const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
        const traces = [command, readFileSync(`/proc/${pid}/environ`, "latin1"), readlinkSync(`/proc/${pid}/cwd`)];
        if (command && traces.some((t) => t.includes(this.dir))) found.push(`${pid} ${command}`);
      } catch { /* it ended meanwhile */ }
    }
    return found;
  }
}

const heard = new WeakMap();

/** Notes what a page's console says that it should not: errors, and breaches of the content security policy. */
export function watch(page) {
  const list = [];
  heard.set(page, list);
  page.on("console", (m) => { if (["error", "warning"].includes(m.type())) list.push(`${m.type()}: ${m.text()} (${m.location().url})`); });
  page.on("pageerror", (e) => list.push(`page error: ${e.message}`));
  return page;
}

/** What the console said, less what a test expects. */
export function complaints(page, ...expected) {
  return (heard.get(page) ?? []).filter((line) => !expected.some((pattern) => pattern.test(line)));
}

/** Asserts that the console said nothing, less what a test expects. */
export function quiet(page, ...expected) {
  assert.deepEqual(complaints(page, ...expected), [], `the console of ${page.url()}`);
}

/** Waits until the page's live stream stands. */
export const live = (page) => until(`the live stream of ${page.url()}`, async () => {
  const state = await page.evaluate(() => document.documentElement.dataset.live);
  if (state !== "live") throw new Error(`it is ${state}; the console says: ${(heard.get(page) ?? []).join("\n")}`);
  return true;
});

/** Time to look, by the page's clock: a second press at the same place within 600 ms is taken for the first one's. */
export async function look(page) {
  looked.set(page, (looked.get(page) ?? Date.now()) + 1000);
  await page.clock.setFixedTime(looked.get(page));
}
const looked = new WeakMap();

/** Waits until a page has sent all that it had to send: what it asks for last comes last. */
export const hasSent = (page) => page.evaluate(() => fetch("/api/v1/health").then((answer) => answer.text()));

/** Holds back the answers to a path until told; the server has done its part by then. */
export async function slow(page, path) {
  let go, come;
  const released = new Promise((done) => { go = done; });
  const arrived = new Promise((done) => { come = done; });
  await page.route((url) => url.pathname === path, async (route) => {
    const response = await route.fetch();
    come();
    await released;
    await route.fulfill({ response });
  });
  return { arrived, go };
}

/** Marks the page's document, so that a reload shows: see [`sameDocument`]. */
export const mark = (page) => page.evaluate(() => { window.markedByTest = true; });

/** Asserts that the page was not loaded again since [`mark`]. */
export async function sameDocument(page) {
  assert.equal(await page.evaluate(() => window.markedByTest), true, "the page was loaded again");
}

/** The numbers within the ticket of all event rows on the page, in the order in which they stand. */
export const seqs = (page) => page.locator("#events li[data-seq]").evaluateAll((rows) => rows.map((r) => Number(r.dataset.seq)));

/** The same from the database. */
export const storedSeqs = async (mc, id) =>
  (await mc.rows(`select seq from ticket_events where ticket_id = ${Number(id.slice(3))} order by id`)).map((r) => r.seq);

/** All rows of the page, the older ones that it loads on request included. */
export async function wholeList(page) {
  const older = page.locator("a#older");
  while (await older.count()) {
    const before = (await seqs(page)).length;
    await page.locator("#live details").first().evaluate((d) => { d.open = true; });
    await older.click();
    await until("older rows", async () => (await seqs(page)).length > before);
  }
  return seqs(page);
}

/** Asserts that nothing reaches beyond the page's right edge. */
export async function noSideways(page) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1)
      .map((e) => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`).slice(0, 10);
  });
  assert.deepEqual(wide, [], `${page.url()} is wider than the screen`);
}

let axeSource;

/** What axe finds serious or critical, in a line each; all its rules, or some by name. */
export async function axe(page, rules) {
  axeSource ??= readFileSync(join(here, "node_modules/axe-core/axe.min.js"), "utf8");
  // By the debugger, not by a script element: the page's own policy forbids those.
  await page.evaluate(axeSource);
  const options = { resultTypes: ["violations"], ...(rules ? { runOnly: { type: "rule", values: rules } } : {}) };
  const result = await page.evaluate((o) => window.axe.run(document, o), options);
  return result.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`);
}

/** Asserts that the program is there. */
export function present() {
  assert.ok(existsSync(bin), `${bin} is not there: build it, or say where it is in MC_BIN`);
}
