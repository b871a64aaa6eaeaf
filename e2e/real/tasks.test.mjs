// Scheduled tasks with the real agent program, through the browser: what Luci makes of their outcomes, and a login that
// is refused. MC_REAL_CLI names the program.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { desk, live, mission, noSideways, phone, quiet, sizes, until } from "../lib.mjs";
import { model } from "../model.mjs";
import { CHAT, telegram } from "../telegram.mjs";

const cli = process.env.MC_REAL_CLI;
if (!cli) process.stderr.write("SKIPPED: tasks with the real program in the browser: MC_REAL_CLI does not name a Claude Code\n");

const key = (name) => `dummy-local-${name}-0123456789abcdefghij`;
/** The longest that may pass from an agent's first `api_retry` to the message on a phone. */
const AT_ONCE_MS = 2_000;

/** A server whose profiles are the real program, each with a key of its own, and a bot. */
async function begin(name, driver, rules = []) {
  const [stub, bot] = [await model({ rules }), await telegram()];
  const home = `/tmp/mc-e2e-real-tasks-${process.pid}-${name}`;
  mkdirSync(`${home}/.claude`, { recursive: true });
  const profile = (of) => {
    const env = { ANTHROPIC_BASE_URL: stub.url, ANTHROPIC_API_KEY: key(of), HOME: home, CLAUDE_CONFIG_DIR: `${home}/.claude`, IS_SANDBOX: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_TELEMETRY: "1", DISABLE_AUTOUPDATER: "1" };
    const list = Object.entries(env).map(([k, v]) => `${k} = ${JSON.stringify(v)}`).join(", ");
    return `[profiles.${of}]\nruntime = "claude"\ncommand = [${JSON.stringify(cli)}]\npermission_mode = "bypassPermissions"\nenv = { ${list} }\n`;
  };
  const config = `[orchestrator]\nprofile = "luci"\ndriver = "${driver}"\n${profile("luci")}${profile("reader")}${bot.config}`;
  const mc = await mission({ config, env: bot.env });
  const task = (of, front, body = "") => writeFileSync(join(mc.data, "workspace", "tasks", `${of}.md`), `---\n${front}\n---\n${body}\n`);
  const count = async (sql) => (await mc.rows(`select count(*) as n from ${sql}`))[0].n;
  const end = async () => {
    await mc.end();
    await Promise.all([stub.end(), bot.end()]);
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  };
  return { mc, stub, bot, task, count, end };
}

/** Presses a task's "Run now" in the list, and waits until that run is over. */
async function runNow(page, { mc }, name) {
  const over = async () => (await mc.rows(`select count(*) as n from task_runs where task = '${name}' and ended_at is not null`))[0].n;
  const before = await over();
  await page.getByRole("button", { name: `Run now: ${name}` }).click();
  await until(`${name} to have run`, async () => (await over()) > before);
}

for (const driver of ["tmux", "headless"]) {
  describe(`a task that fails again and again, and Luci by ${driver}`, { skip: !cli }, () => {
    let it;
    // What she answers is made of the digest itself: the numbers of what is routine, the ticket that is there already.
    const digest = (said) => {
      const [ticket] = said.match(/MC-\d+/) ?? [];
      const calm = [...said.matchAll(/^- ((?:#\d+ )+).* ok/gm)].flatMap((m) => m[1].match(/\d+/g)).map(Number);
      const actions = calm.length ? [{ kind: "ignore", items: calm, reason: "routine" }] : [];
      if (ticket) {
        actions.push({ kind: "create_ticket", title: "Give the mirror its route back", description: `The cause of ${ticket}.`, priority: "high" });
        actions.push({ kind: "comment", ticket, body: "The cause is the mirror's route, not the task." });
      }
      return `${ticket ? "The mirror needs somebody." : "All quiet."}\n\n\`\`\`json\n${JSON.stringify({ mc_actions: actions })}\n\`\`\``;
    };
    before(async () => {
      it = await begin(driver, driver, [{ words: "Reports since the last digest", answer: digest }]);
      it.task("heartbeat", 'command: ["echo", "4 of 4 services answer"]', "Says that all is well.");
      it.task("mirror", 'command: ["sh", "-c", "echo no route to the mirror; exit 7"]', "Copies the mirror.");
    });
    after(() => it.end());

    test("its third failure makes one ticket, Luci makes another for its cause, and what is routine stays silent", async () => {
      const { mc, bot, count } = it;
      const settings = await mc.page(desk, "/settings");
      const leave = settings.locator("#autonomy .line", { hasText: "Make tickets" });
      await leave.getByRole("button", { name: /allow$/ }).click();
      await settings.locator("#autonomy .line", { hasText: "at once" }).waitFor();

      const page = await mc.page(desk, "/tasks");
      await live(page);
      await page.locator("tr", { hasText: "heartbeat" }).waitFor();
      for (let n = 1; n <= 3; n += 1) for (const name of ["heartbeat", "mirror"]) await runNow(page, it, name);
      await page.locator("tr", { hasText: "mirror" }).getByText("3 failed").waitFor();
      await page.locator("tr", { hasText: "heartbeat" }).getByText("3 ok").waitFor();

      const inbox = await mc.page(desk, "/inbox");
      await live(inbox);
      await until("all six outcomes to be decided", async () => {
        await mc.command("tick", "drain");
        return (await count("orchestrator_inbox where status in ('processed', 'ignored')")) === 6;
      }, 120_000);
      assert.equal(await count("orchestrator_inbox"), 6, "an outcome for each run");
      assert.equal(await count("orchestrator_inbox where source_id like 'heartbeat/%' and status = 'ignored'"), 3);
      assert.equal(await count("orchestrator_inbox where source_id like 'mirror/%' and status = 'processed'"), 3);
      assert.equal(await count("sessions where driver <> '" + driver + "'"), 0);
      await inbox.locator("#inbox-waiting").getByText("Nothing waits.").waitFor();
      const calm = inbox.locator("#inbox-past .line", { hasText: "heartbeat" });
      await until("what is routine", async () => (await calm.count()) === 3);
      for (const words of await calm.allInnerTexts()) assert.match(words, /routine, nothing to do/);
      await inbox.locator("#inbox-past .came", { hasText: "Give the mirror its route back" }).waitFor();

      const board = await mc.page(desk, "/board");
      await live(board);
      const rules = board.locator(".card", { hasText: "Task mirror fails: 3 times in a row" });
      const hers = board.locator(".card", { hasText: "Give the mirror its route back" });
      for (const card of [rules, hers]) await until("a card", async () => (await card.count()) === 1 && card.isVisible());
      assert.equal(await board.locator(".card").count(), 2, "nothing else is on the board");

      // What she was not allowed beforehand waits for one tap.
      const mine = await mc.page(phone, "/luci");
      await live(mine);
      await mine.locator(".slip").getByRole("button", { name: "Do it" }).tap();
      await until("the comment", async () => (await count("comments where body like 'The cause is the mirror''s route%'")) === 1);
      await rules.getByRole("link", { name: /Task mirror fails/ }).click();
      await board.getByText("The cause is the mirror's route, not the task.").waitFor();

      const home = await mc.page(phone, "/");
      await home.locator("#needs").getByText("Nothing.").waitFor();
      assert.equal(await count("notifications"), 0, "nobody is told anything");
      assert.deepEqual(bot.messages, []);
      assert.equal(await count("tickets"), 2);
      await look(mc, `${driver}-after`, ["/tasks", "/inbox", "/board"]);
      for (const p of [settings, page, inbox, board, mine, home]) quiet(p);
    });

    test("its fourth failure is said on the ticket, and makes none", async () => {
      const { mc, count } = it;
      const page = await mc.page(phone, "/tasks");
      await live(page);
      await runNow(page, it, "mirror");
      assert.equal(await count("tickets where title like 'Task mirror fails%'"), 1);
      assert.equal(await count("comments where body like 'It failed again, 4 times in a row%'"), 1);
      quiet(page);
    });
  });
}

describe("an agent whose login is refused", { skip: !cli }, () => {
  let it;
  before(async () => {
    it = await begin("refused", "headless", [{ words: "Read the night's logs", answer: "The night was calm." }]);
    it.task("night", "kind: agent\nprofile: reader", "Read the night's logs, and say in one line how the night was.");
    it.stub.refused.add(key("reader"));
  });
  after(() => it.end());

  test("is told on the phone at once and rests; a press of a button lets it go on, and the task goes well", async (t) => {
    const { mc, stub, bot, count } = it;
    const page = await mc.page(desk, "/tasks");
    await live(page);
    await page.locator("tr", { hasText: "night" }).waitFor();
    await until("Telegram to know the bot", () => count("telegram_state where bot_name <> ''"));
    await page.getByRole("button", { name: "Run now: night" }).click();
    const retried = await firstRetry(mc);
    const told = await until("the message", () => bot.messages[0]);
    const late = told.at - retried;
    t.diagnostic(`told at most ${late} ms after the first api_retry`);
    assert.ok(late <= AT_ONCE_MS, `told ${late} ms after the first api_retry`);
    assert.equal(told.chat, CHAT);
    assert.match(told.text, /reader rests: its login is refused: 401 authentication_failed \(task night\)/);
    assert.deepEqual(told.buttons, ["Let it go on"]);

    await until("the run to be over", () => count("task_runs where state = 'auth_failed' and ended_at is not null"));
    await page.locator("tr", { hasText: "night" }).getByText("login refused").waitFor();
    await look(mc, "paused", ["/tasks", "/tasks/night", "/inbox", "/settings", "/"]);
    const settings = await mc.page(phone, "/settings");
    const rests = settings.locator("#profiles .notice", { hasText: "reader rests: its login is refused" });
    await rests.waitFor();
    assert.equal(bot.messages.length, 1, "once");
    assert.equal(await count("tickets"), 0);
    assert.equal(await count("streaks where failures > 0"), 0);
    assert.equal(await count("tasks where streak <> 0"), 0);

    // Shown where it is missed as well, and whatever is asked of it meanwhile waits.
    const home = await mc.page(phone, "/");
    await live(home);
    const needs = home.locator("#needs .notice", { hasText: "reader rests" });
    await needs.waitFor();
    await page.locator("#tasks .notice", { hasText: "reader rests" }).waitFor();
    await page.getByRole("button", { name: "Run now: night" }).click();
    await until("a run that waits", () => count("task_runs where state = 'waiting'"));

    stub.refused.clear();
    await rests.getByRole("button", { name: "Let it go on" }).tap();
    await rests.waitFor({ state: "detached" });
    await needs.waitFor({ state: "detached" });
    await page.locator("tr", { hasText: "night" }).getByText("1 ok").waitFor();
    assert.equal(await page.locator("#tasks .notice").count(), 0);
    await runNow(page, it, "night");
    await page.locator("tr", { hasText: "night" }).getByText("2 ok").waitFor();
    await page.goto("/tasks/night");
    await live(page);
    await page.locator("#taskruns").getByText(/^Output/).first().click();
    await page.locator("#taskruns pre", { hasText: "The night was calm." }).first().waitFor();
    assert.equal(bot.messages.length, 1, "and nothing more is told");
    for (const p of [page, settings, home]) quiet(p);
  });
});

/** The last moment at which the raw log of the only task run held no `api_retry` yet. */
async function firstRetry(mc) {
  const dir = await until("the run's folder", async () => (await mc.rows("select run_dir from task_runs"))[0]?.run_dir);
  for (let not = Date.now(), end = not + 60_000; not < end;) {
    let log = "";
    const now = Date.now();
    try { log = readFileSync(join(dir, "stream.log"), "utf8"); } catch { /* not there yet */ }
    if (/"api_retry"/.test(log)) return not;
    not = now;
    await new Promise((go) => setTimeout(go, 20));
  }
  throw new Error("the agent never said api_retry");
}

/** Pictures of pages at both sizes, where SHOTS names a folder; and nothing reaches beyond the right edge. */
async function look(mc, name, paths) {
  for (const [size, options] of Object.entries(sizes)) {
    for (const path of paths) {
      const page = await mc.page(options, path);
      await noSideways(page);
      const file = `${name}${path.replaceAll("/", "-")}-${size}.png`;
      if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, file) });
      await page.context().close();
    }
  }
}
