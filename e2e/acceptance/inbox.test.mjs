// The inbox with the demo agent in Luci's place: reports come in, a digest goes out, her decisions stand there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { axe, desk, live, mark, mission, noSideways, phone, quiet, sameDocument, sizes, until } from "../lib.mjs";

const config = `[orchestrator]\ndriver = "headless"\n`;
const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

describe("the inbox", () => {
  let mc;
  let token;
  const call = async (path, body) => {
    const answer = await fetch(`${mc.url}/api/v1/${path}`, {
      method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  const report = (source_id, message, priority = "normal") => call("orchestrator_inbox", { source_type: "api", source_id, message, priority });
  before(async () => {
    mc = await mission({ config, pace: 5 });
    token = JSON.parse(readFileSync(join(mc.data, "local.json"), "utf8")).token;
  });
  after(() => mc.end());

  test("what is reported appears by itself, goes to Luci, and what she decided stands there", async () => {
    await call("persistent_luci/stop", {});
    const page = await mc.page(desk, "/inbox");
    await page.getByText("Nothing waits.").waitFor();
    await live(page);
    await mark(page);
    await report("backup", "ok: 4 databases, 2.1 GB, 38 s");
    for (const n of [1, 2, 3]) await report("mirror", `failed: no route to the mirror\n\nTry ${n}: connection refused\n${LONG}`);
    await report("disk", `91 % of the disk is used by ${LONG}`, "critical");
    const waiting = page.locator("#inbox-waiting .line");
    await until("all reports", async () => (await waiting.count()) === 5);
    assert.match(await waiting.first().innerText(), /91 %/, "the critical one first");
    assert.match(await page.locator("#inbox-waiting .sect").innerText(), /Luci takes none now/);
    assert.match(await page.locator("#reports-rail").innerText(), /5/);
    await page.locator("summary", { hasText: "failed: no route" }).first().click();
    await page.getByText("Try 1: connection refused").waitFor();

    await call("persistent_luci/start", {});
    await call("tick/drain", {});
    await page.locator("#inbox-past", { hasText: "routine, nothing to do" }).waitFor();
    await page.getByText("Told you: disk: 91 %").waitFor();
    await page.getByRole("link", { name: "1 suggestion waits for you" }).waitFor();
    await page.getByText("Nothing waits.").waitFor();
    await sameDocument(page);
    await page.getByRole("link", { name: "1 suggestion waits for you" }).click();
    await page.locator(".turn[data-origin=digest] summary", { hasText: "Digest 1" }).waitFor();
    await page.getByRole("button", { name: "Do it" }).click();
    await until("the ticket", async () => (await mc.rows("select 1 from tickets where title like 'mirror: failed%'")).length === 1);
    quiet(page);
    await page.context().close();
  });

  for (const [name, size] of Object.entries(sizes)) {
    test(`looks right on a ${name}`, async () => {
      await report("look", `waits for ${LONG} ${"word ".repeat(60)}\n\n${LONG}`);
      const page = await mc.page({ ...size, reducedMotion: "reduce" }, "/inbox");
      for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await axe(page), []);
        if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/inbox-${name}-${colorScheme}.png`, fullPage: true });
      }
      await noSideways(page);
      quiet(page);
      await page.context().close();
    });
  }

  test("is reached from a phone", async () => {
    const page = await mc.page(phone, "/settings");
    await page.getByRole("main").getByRole("link", { name: "Inbox" }).tap();
    await page.waitForURL("**/inbox");
    quiet(page);
    await page.context().close();
  });
});
