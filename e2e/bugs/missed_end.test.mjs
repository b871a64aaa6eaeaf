// Found: a page whose connection was cut before a run ended, and came back after it, went on showing "In progress", the
// question or the queued mark of before. The stream only sent what changed after it began again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, sameDocument, storedSeqs, wholeList } from "../lib.mjs";
import { proxy } from "../proxy.mjs";

describe("a page that was cut off", () => {
  let mc;
  before(async () => { mc = await mission({ config: `[server]\nallowed_hosts = ["127.0.0.1"]` }); });
  after(() => mc.end());

  test("shows the end of the run that it missed", async () => {
    const through = await proxy(mc.port);
    try {
      const id = await mc.ticket("End unseen [demo: steps 40 every 100ms]", { now: true });
      const page = await mc.page(desk, `http://127.0.0.1:${through.port}/tickets/${id}`);
      await page.locator("#head[data-status=in_progress]").waitFor();
      await live(page);
      await mark(page);
      through.refuse(true);
      await page.locator("#offline").waitFor();
      await mc.stands(id, "done");
      through.refuse(false);
      await page.evaluate(() => window.dispatchEvent(new Event("online")));
      await page.locator("#head[data-status=done]").waitFor();
      await page.locator("#offline").waitFor({ state: "hidden" });
      await page.locator("#comments .msg", { hasText: "wrote and committed" }).waitFor();
      assert.equal(await page.locator("#live details").first().evaluate((d) => d.open), false, "the panel folds");
      assert.deepEqual(await wholeList(page), await storedSeqs(mc, id));
      await sameDocument(page);
    } finally {
      await through.close();
    }
  });
});
