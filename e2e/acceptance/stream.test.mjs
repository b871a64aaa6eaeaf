// What the page shows equals the database, whatever becomes of its connection.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, quiet, sameDocument, seqs, storedSeqs, until, wholeList } from "../lib.mjs";
import { proxy } from "../proxy.mjs";

const CUT = /ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|Failed to fetch|network error/i;

describe("the event list", () => {
  let mc;
  before(async () => { mc = await mission({ pace: 30 , config: `[server]\nallowed_hosts = ["127.0.0.1"]` }); });
  after(() => mc.end());

  const inStore = (id) => storedSeqs(mc, id);

  test("is whole after reloads in mid-run", async () => {
    const id = await mc.ticket("Count [demo: steps 40 every 20ms]", { now: true });
    const page = await mc.page(desk, `/tickets/${id}`);
    for (const share of [10, 40, 70]) {
      await until(`${share} events`, async () => (await inStore(id)).length >= share);
      await page.reload();
      await live(page);
    }
    await mc.stands(id, "done");
    await page.locator("#head[data-status=done]").waitFor();
    const stored = await inStore(id);
    assert.deepEqual(stored, stored.map((_, i) => i + 1), "1 to n in the store");
    await until("all rows on the page", async () => (await seqs(page)).length >= Math.min(stored.length, 200));
    assert.deepEqual(await wholeList(page), stored);
    quiet(page, CUT);
  });

  test("is whole after 20 cut connections, on the page that stood open all the while", async () => {
    const through = await proxy(mc.port);
    try {
      const id = await mc.ticket("Talk a lot [demo: steps 150 every 20ms]", { now: true });
      const page = await mc.page(desk, `http://127.0.0.1:${through.port}/tickets/${id}`);
      await live(page);
      await mark(page);
      for (let cut = 1; cut <= 20; cut += 1) {
        // In the middle of what arrives: after some more bytes of the stream.
        await through.cutInMidStream();
        // Its own pace would be half a second and more; the page wakes up at once when the network is back.
        await page.evaluate(() => setTimeout(() => window.dispatchEvent(new Event("online")), 30));
        await live(page);
      }
      assert.equal(through.cuts, 20);
      assert.equal((await mc.rows(`select status from tickets where id = ${Number(id.slice(3))}`))[0].status, "in_progress", "all cuts came while it ran");
      await page.locator("#head[data-status=done]").waitFor({ timeout: 40_000 });
      const stored = await inStore(id);
      assert.ok(stored.length >= 300, `${stored.length} events`);
      assert.deepEqual(stored, stored.map((_, i) => i + 1), "1 to n in the store");
      await until("the last row", async () => (await seqs(page)).at(-1) === stored.length);
      assert.deepEqual(await wholeList(page), stored, "none missing, none double, in order");
      await sameDocument(page);
      quiet(page, CUT);
    } finally {
      await through.close();
    }
  });
});
