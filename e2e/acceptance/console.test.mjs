// The console: Luci's screen in its colours, the keyboard that changes hands, lines and keys that reach her terminal.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { axe, complaints, desk, mission, noSideways, phone, quiet, sizes, slow, until } from "../lib.mjs";

const tmux = (mc, ...args) =>
  execFileSync("tmux", ["-u", "-S", join(mc.data, "tmux.sock"), ...args], { env: { PATH: process.env.PATH, LANG: "C.UTF-8", TERM: "screen-256color" }, stdio: ["ignore", "pipe", "ignore"] }).toString();
const screen = (page) => page.locator("#screen");
const state = async (mc) => (await mc.rows("select state from sessions order by id desc limit 1"))[0]?.state;
const skip = ["/usr/bin/tmux", "/usr/local/bin/tmux", "/opt/homebrew/bin/tmux"].some(existsSync) ? false : "tmux is not installed";

describe("the console", { skip }, () => {
  let mc;
  before(async () => { mc = await mission({ pace: 5 }); });
  after(async () => {
    // Her agent outlives the server on purpose: a test that is over ends its own.
    await mc.post("/luci/stop", {}).catch(() => {});
    await until("her terminal to be closed", async () => (await state(mc)) !== "idle", 5000).catch(() => {});
    try { tmux(mc, "kill-server"); } catch { /* it is gone */ }
    await mc.end();
  });

  test("she is started from here, and her screen appears in its colours", async () => {
    const page = await mc.page(desk, "/console");
    await page.getByText("Luci has no session yet").waitFor();
    await page.getByRole("button", { name: "Start" }).click();
    await until("her session to be ready", async () => (await state(mc)) === "idle");
    await until("her screen", async () => (await screen(page).textContent()).trim().length > 20);
    // As if her agent had written it: in colours, and with what must never become markup.
    writeFileSync(tmux(mc, "display-message", "-p", "-t", "=luci-persistent:", "#{pane_tty}").trim(), "\x1b[31mred\x1b[0m \x1b[38;2;78;186;101mgreen\x1b[0m \x1b]0;<b>title\x07<img src=x>");
    const red = page.locator("#screen .f1", { hasText: "red" });
    await red.waitFor();
    const colour = (locator) => locator.evaluate((e) => getComputedStyle(e).color);
    assert.equal(new Set([await colour(red), await colour(page.locator("#screen .f2", { hasText: "green" })), await colour(screen(page))]).size, 3);
    assert.ok((await screen(page).textContent()).includes("<img src=x>"));
    assert.equal(await page.locator("#screen [style], #screen img, #screen b").count(), 0);
    await page.getByText("Luci has the keyboard").waitFor();
    for (const key of ["Enter", "Esc", "y"]) assert.ok(await page.getByRole("button", { name: key, exact: true }).isDisabled(), key);
    quiet(page);
    await page.context().close();
  });

  for (const [name, size] of Object.entries(sizes)) {
    test(`the keyboard changes hands on a ${name}, and what is typed while the screen changes stays`, async () => {
      const page = await mc.page(size, "/console");
      await page.getByRole("button", { name: "Take over" }).click();
      await page.getByText("You have the keyboard").waitFor();
      const line = page.getByLabel("Line to type");
      await line.click();
      await line.pressSequentially("half of");
      const before = await screen(page).textContent();
      // Somebody at the machine types meanwhile.
      tmux(mc, "send-keys", "-t", "=luci-persistent:", "-l", "zz");
      await until("the screen to change", async () => (await screen(page).textContent()) !== before);
      assert.equal(await line.inputValue(), "half of");
      assert.ok(await line.evaluate((e) => document.activeElement === e), "the line has the focus still");
      const words = `what-${name} $(id) #{pane_id};`;
      await line.fill(words);
      await line.press("Enter");
      await until("the line on the screen", async () => (await screen(page).textContent()).includes(`what-${name} $(id) #{pane_id};`));
      await until("an empty line", async () => (await page.getByLabel("Line to type").inputValue()) === "");
      await page.getByRole("button", { name: "y", exact: true }).click();
      await until("the key's note", async () => (await mc.rows("select 1 from audit where action = 'console_key_y'")).length > 0);
      assert.equal((await mc.rows(`select 1 from audit where detail like '%what-${name}%'`)).length, 0, "what was typed is nobody's");
      await page.getByRole("button", { name: "Ctrl-C" }).click();
      await page.getByRole("button", { name: "Hand back" }).click();
      await page.getByText("Luci has the keyboard").waitFor();
      assert.ok(await page.getByLabel("Line to type").isDisabled());
      for (const button of await page.locator("#keys button").all()) {
        const box = await button.boundingBox();
        assert.ok(box.height >= 44 && box.width >= 44, `a key is ${box.width} by ${box.height}`);
      }
      await noSideways(page);
      quiet(page);
      await page.context().close();
    });
  }

  test("what is typed while a line is on its way stays in the line", async () => {
    const page = await mc.page(desk, "/console");
    await page.getByRole("button", { name: "Take over" }).click();
    await page.getByText("You have the keyboard").waitFor();
    const line = page.getByLabel("Line to type");
    const answer = await slow(page, "/console/line");
    await line.fill("echo one");
    await line.press("Enter");
    await answer.arrived;
    await line.pressSequentially(" and two");
    answer.go();
    await until("only what was typed since", async () => (await line.inputValue()) === "and two");
    assert.ok(await line.evaluate((e) => document.activeElement === e), "the line has the focus still");
    await page.unrouteAll({ behavior: "wait" });
    await page.getByRole("button", { name: "Ctrl-C" }).click();
    await page.getByRole("button", { name: "Hand back" }).click();
    await page.getByText("Luci has the keyboard").waitFor();
    quiet(page);
    await page.context().close();
  });

  test("Esc and Ctrl-C interrupt the turn in flight, and nothing else is typed beside it", async () => {
    await mc.post("/luci/send", { message: "Think for ever [demo: hang]", client_id: "hang" });
    const turn = async () => (await mc.rows("select state, accepted_at from turns order by id desc limit 1"))[0];
    await until("the turn to be in her hands", async () => (await turn())?.accepted_at);
    const page = await mc.page(phone, "/console");
    await page.getByText("Luci has the keyboard while a turn is in flight").waitFor();
    await page.getByRole("button", { name: "Take over" }).click();
    await page.getByText("yours when this turn is over").waitFor();
    for (const key of ["Enter", "y"]) assert.ok(await page.getByRole("button", { name: key, exact: true }).isDisabled(), key);
    assert.ok(await page.getByLabel("Line to type").isDisabled());
    await page.getByRole("button", { name: "Esc" }).click();
    await until("the turn to be interrupted", async () => (await turn()).state === "cancelled");
    await page.getByText("You have the keyboard").waitFor();
    await page.getByRole("button", { name: "Hand back" }).click();
    await page.getByText("Luci has the keyboard.").waitFor();
    quiet(page);
    await page.context().close();
  });

  test("nothing comes while nothing changes, and the list of sessions names the workers", async () => {
    const id = await mc.ticket("Long work [demo: steps 9000 every 300ms]", { now: true });
    const page = await mc.page(desk, "/console");
    const answers = [];
    page.on("response", (r) => { if (r.url().includes("/console/screen")) answers.push(r.status()); });
    await until("three polls in a row that bring nothing", () => answers.length >= 3 && answers.slice(-3).every((s) => s === 204));
    const row = page.getByRole("link", { name: new RegExp(`mc-mc-${id.slice(3)} `) });
    await row.waitFor();
    await row.click();
    await page.waitForURL(new RegExp(`/tickets/${id}`));
    await page.context().close();
  });

  test("it is readable for everybody, dark and light, at both sizes", async () => {
    for (const size of [desk, phone]) {
      for (const colorScheme of ["dark", "light"]) {
        // All rules and pages once at each size; the other colours can only change the contrast.
        const whole = (size === phone) === (colorScheme === "dark");
        const rules = whole ? undefined : ["color-contrast"];
        for (const path of ["/console", ...(whole ? ["/console?session=luci-persistent&lines=2000", "/console?session=nobody"] : [])]) {
          const page = await mc.page({ ...size, colorScheme }, path);
          assert.deepEqual(await axe(page, rules), [], path);
          await noSideways(page);
          assert.deepEqual(complaints(page, /404/), []);
          await page.context().close();
        }
      }
    }
  });
});
