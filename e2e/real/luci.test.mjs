// Luci with the real agent program, through the browser, in a terminal and without one. MC_REAL_CLI names the program.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { desk, live, mission, phone, quiet, until } from "../lib.mjs";
import { model } from "../model.mjs";

const cli = process.env.MC_REAL_CLI;
if (!cli) process.stderr.write("SKIPPED: Luci with the real program in the browser: MC_REAL_CLI does not name a Claude Code\n");

const ask = (message, ...answers) => `${message}\nMODEL: ${JSON.stringify(answers)}`;
const send = async (page, text) => {
  await page.getByLabel("Message to Luci").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await until("an empty box", async () => (await page.getByLabel("Message to Luci").inputValue()) === "");
};
const prose = (page, words) => page.locator(".turn[data-state=answered]", { hasText: words }).locator(".prose").last();

/** A folder with everything on PATH but tmux. */
function withoutTmux(dir) {
  mkdirSync(dir);
  for (const from of process.env.PATH.split(":")) {
    let names = [];
    try { names = readdirSync(from); } catch { /* not there */ }
    for (const name of names) if (name !== "tmux") try { symlinkSync(`${from}/${name}`, `${dir}/${name}`); } catch { /* the first wins */ }
  }
  chmodSync(dir, 0o755);
  return dir;
}

for (const [how, terminal] of [["in a terminal", true], ["without a terminal", false]]) {
  describe(`the real program ${how}`, { skip: !cli }, () => {
    let mc, stub;
    before(async () => {
      stub = await model();
      const home = `/tmp/mc-e2e-real-${process.pid}-${terminal}`;
      mkdirSync(`${home}/.claude`, { recursive: true });
      const env = { ANTHROPIC_BASE_URL: stub.url, ANTHROPIC_API_KEY: "dummy-local-0123456789abcdefghij", HOME: home, CLAUDE_CONFIG_DIR: `${home}/.claude`,
        IS_SANDBOX: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_TELEMETRY: "1", DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_MAX_RETRIES: "1" };
      const list = Object.entries(env).map(([k, v]) => `${k} = ${JSON.stringify(v)}`).join(", ");
      const config = `[orchestrator]\nprofile = "real"\n[profiles.real]\nruntime = "claude"\ncommand = [${JSON.stringify(cli)}]\n` +
        `permission_mode = "bypassPermissions"\nenv = { ${list} }\n`;
      mc = await mission({ config, env: terminal ? {} : { PATH: withoutTmux(`${home}/bin`) } });
    });
    after(async () => { await mc.end(); await stub.end(); });

    test("three messages from two pages are answered in order, each by its own answer, in one conversation", async () => {
      const [one, two] = [await mc.page(phone, "/luci"), await mc.page(desk, "/luci")];
      for (const page of [one, two]) await live(page);
      await send(one, ask("The first thing I say is apple.", "I heard apple."));
      await Promise.all([send(two, ask("From the desk: pear.", "I heard pear.")), send(one, ask("What did I say first?", "You said apple first."))]);
      for (const page of [one, two]) {
        assert.equal(await prose(page, "The first thing I say").innerText(), "I heard apple.");
        assert.equal(await prose(page, "From the desk").innerText(), "I heard pear.");
        assert.equal(await prose(page, "What did I say first?").innerText(), "You said apple first.");
        assert.equal(await page.locator("#turns > .turn").count(), 3);
      }
      const driver = (await mc.rows("select distinct driver from sessions")).map((r) => r.driver);
      assert.deepEqual(driver, [terminal ? "tmux" : "headless"]);
      assert.match(stub.asked.at(-1), /The first thing I say is apple\./, "the context is carried");
      const markers = stub.asked.at(-1).match(/\[MC_TURN:\d+:\w+\]/g);
      assert.equal(new Set(markers).size, markers.length, "nothing stands twice in the conversation");
      for (const page of [one, two]) quiet(page);
    });

    test("a brief that names the signals is no signal, and a long answer comes as it was written", async () => {
      const page = await mc.page(desk, "/luci");
      await live(page);
      const long = `QUESTION: is only a word here. ${"A long line that every terminal would have to wrap somewhere. ".repeat(8).trim()}`;
      const brief = "Work on the ledger.\nUse DONE:, REVIEW:, or QUESTION: when you need MC to reflect the next state.";
      await send(page, ask(brief, long));
      assert.equal(await prose(page, "Work on the ledger.").innerText(), long);
      assert.equal((await mc.rows("select count(*) as n from tickets"))[0].n, 0);
      quiet(page);
    });
  });
}
