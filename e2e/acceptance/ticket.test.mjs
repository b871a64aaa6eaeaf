// A ticket from the first word to Done, on a phone and at a desk.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, quiet, sameDocument, seqs, sizes, until, watch } from "../lib.mjs";

for (const [name, size] of Object.entries(sizes)) {
  describe(`a ticket runs through a worker, on a ${name}`, () => {
    let mc;
    before(async () => { mc = await mission({ pace: 60 }); });
    after(() => mc.end());

    test("from the one-time link to Done, all of it live", async () => {
      const context = await (await mc.browser()).newContext({ ...size, baseURL: mc.url });
      const page = watch(await context.newPage());

      // The link shows a button, and spends nothing before it is pressed.
      await page.goto(mc.link);
      await page.reload();
      await page.getByLabel("Choose a password").fill("correct horse");
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByRole("heading", { name: "Needs you" }).waitFor();
      mc.login = context.storageState();

      // A second page stands open on the board.
      const board = await mc.page(desk, "/board");
      await live(board);
      await mark(board);

      await page.getByLabel("What should be done?").fill("Write a note about the shop\n\nShort. [demo: steps 12 every 60ms]");
      await page.getByText("Do it now", { exact: true }).click();
      await page.getByLabel("Project").selectOption("shop");
      await page.getByRole("button", { name: "Start now" }).click();
      await page.locator("#toasts").getByRole("link", { name: "Open" }).click();
      await page.waitForURL(/\/tickets\/MC-1$/);
      await live(page);
      await mark(page);
      if (name === "phone") {
        await page.locator("#strip").click();
        await page.waitForURL(/tab=live/);
        await live(page);
        await mark(page);
      }

      // While the agent works: in progress, the panel open, new rows without a reload.
      await page.locator("#head[data-status=in_progress]").waitFor();
      assert.equal(await page.locator("#live details").first().evaluate((d) => d.open), true, "the panel is open");
      const first = (await seqs(page)).length;
      await until("new events on the page", async () => (await seqs(page)).length >= first + 5);
      assert.equal(await page.locator("#head").getAttribute("data-status"), "in_progress", "they came while it ran");
      await board.locator("#cards-in_progress #card-1").waitFor();

      // And when it ends: the result is told, the head says Done, the board moved the card.
      await page.locator("#head[data-status=done]").waitFor();
      await board.locator("#cards-done #card-1").waitFor();
      await page.locator("#comments .msg", { hasText: "wrote and committed" }).waitFor({ state: "attached" });
      if (name === "phone") {
        await page.getByRole("link", { name: /^Talk/ }).click();
        await page.locator("#comments .msg", { hasText: "wrote and committed" }).waitFor();
      } else {
        await sameDocument(page);
      }
      assert.equal(await board.locator("#count-done").innerText(), "1");
      await sameDocument(board);
      quiet(page);
      quiet(board);
    });

    test("the panel is folded once nobody works, and there was one attempt", async () => {
      const page = await mc.page(size, "/tickets/MC-1");
      assert.equal(await page.locator("#live details").first().evaluate((d) => d.open), false, "the panel is folded");
      assert.deepEqual(await mc.rows("select attempt, state from runs"), [{ attempt: 1, state: "finished" }]);
      quiet(page);
    });
  });
}
