// The pictures of the README, from the board of `serve --demo`. Written only where SCREENS says so (a folder), so that
// a test run leaves the repository as it is; without it they are made and weighed in a folder that goes away.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { desk, live, mission, phone, root, until } from "./lib.mjs";

describe("the pictures of the README", () => {
  let mc, folder, running;
  const keep = process.env.SCREENS ? resolve(root, process.env.SCREENS) : null;
  before(async () => {
    folder = keep ?? mkdtempSync(join(tmpdir(), "mc-screens-"));
    mkdirSync(folder, { recursive: true });
    // The demo agent works slowly here, so that it is seen at work.
    mc = await mission({ flags: ["--demo"], pace: 2500 });
    await mc.ticket("Group the cart's tests by what they promise\n\n[demo: steps 3000 every 700ms]", { now: true, role: "scott" });
    running = await mc.ticket("Write down how returns work\n\nFor the people at the counter, one page:\n\n- what may come back, and how late\n- who decides when the receipt is gone\n- what the customer is told", { now: true, role: "tessa", priority: "high" });
    for (const message of ["What needs me, and what should go first?",
      "Plan the autumn sale, tickets please, one after the other:\n- Freeze the prices of the season\n- Mark the sale's products in the catalogue\n- Tell the newsletter's readers"]) {
      await mc.post("/luci/send", { message });
    }
    await until("Luci's answers", async () => (await mc.rows("select count(*) as n from turns where state = 'answered'"))[0].n === 2);
    await until("its events", async () => (await mc.rows(`select 1 from ticket_events where ticket_id = ${running.slice(3)}`)).length >= 7);
  });
  after(async () => {
    await mc.end();
    if (!keep) rmSync(folder, { recursive: true, force: true });
  });

  const shots = [
    ["ticket-desk-light", desk, "light", () => `/tickets/${running}`],
    ["ticket-phone-dark", phone, "dark", () => `/tickets/${running}?tab=live`],
    ["board-desk-light", desk, "light", () => "/board"],
    ["home-phone-dark", phone, "dark", () => "/"],
    ["luci-desk-light", desk, "light", () => "/luci"],
    ...(process.env.MORE_SCREENS ? [
      ["home-desk-light", desk, "light", () => "/"], ["home-desk-dark", desk, "dark", () => "/"], ["board-phone-light", phone, "light", () => "/board"],
      ["board-desk-dark", desk, "dark", () => "/board"], ["ticket-talk-phone-light", phone, "light", () => `/tickets/${running}`],
      ["settings-desk-light", desk, "light", () => "/settings"], ["settings-phone-dark", phone, "dark", () => "/settings"], ["missing-desk-light", desk, "light", () => "/tickets/MC-99999"],
      ...["needs_input", "in_review", "blocked", "done"].flatMap((s) => [[`ticket-${s}-desk-light`, desk, "light", s], [`ticket-${s}-phone-dark`, phone, "dark", s]]),
    ] : []),
  ];
  for (const [name, size, colorScheme, path] of shots) {
    test(name, async () => {
      const page = await mc.page({ ...size, colorScheme, reducedMotion: "reduce" }, "/settings");
      const to = typeof path === "function" ? path()
        : `/tickets/MC-${(await mc.rows(`select id from tickets where status = '${path}' order by id desc limit 1`))[0].id}`;
      await page.goto(to);
      if (!/settings|99999/.test(to)) await live(page);
      const file = join(folder, `${name}.png`);
      await page.screenshot({ path: file });
      const size_ = statSync(file).size;
      assert.ok(size_ > 10_000 && size_ < 200_000, `${name} has ${size_} bytes`);
      await page.context().close();
    });
  }
});
