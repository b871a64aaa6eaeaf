// On a slow link: what is typed while words are on their way stays, and so does the focus.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mission, quiet, slow, until } from "../lib.mjs";

describe("while an answer is on its way", () => {
  let mc;
  before(async () => { mc = await mission({ config: `[orchestrator]\ndriver = "headless"\n` }); });
  after(() => mc.end());

  const boxes = [
    { what: "a reply", label: "Reply", button: "Send", at: (id) => [`/tickets/${id}`, `/tickets/${id}/reply`], table: "comments", column: "body" },
    { what: "a ticket", label: "What should be done?", button: "Create", at: () => ["/", "/composer"], table: "tickets", column: "title" },
    { what: "a message to Luci", label: "Message to Luci", button: "Send", at: () => ["/luci", "/luci/send"], table: "turns", column: "message" },
  ];
  for (const { what, label, button, at, table, column } of boxes) {
    test(`what is typed after ${what} stays, survives a reload, and is sent by itself`, async () => {
      const [path, action] = at(await mc.ticket(`For ${what} #shop`));
      const page = await mc.page(desk, path);
      await live(page);
      const answer = await slow(page, action);
      const box = page.getByLabel(label, { exact: true });
      await box.fill(`First of ${what}`);
      await box.press("Control+Enter");
      await answer.arrived;
      await box.press("End");
      await box.pressSequentially(" And more");
      // Sent once more while the first is under way: it is dropped, and its words stay as well.
      await box.press("Control+Enter");
      answer.go();
      await until("only what was typed since", async () => (await box.inputValue()) === "And more");
      assert.ok(await box.evaluate((el) => el === document.activeElement), "the box has the focus");
      await page.unrouteAll({ behavior: "wait" });
      await page.reload();
      await until("the draft", async () => (await box.inputValue()) === "And more");
      await page.getByRole("button", { name: button }).click();
      await until("an empty box", async () => (await box.inputValue()) === "");
      const rows = await mc.rows(`select ${column} as words from ${table} where ${column} in ('First of ${what}', 'And more', 'First of ${what} And more') order by id`);
      assert.deepEqual(rows.map((r) => r.words), [`First of ${what}`, "And more"]);
      await page.reload();
      assert.equal(await box.inputValue(), "", "and the draft is gone");
      quiet(page);
      await page.context().close();
    });
  }

  test("the button that was pressed keeps the focus", async () => {
    const id = await mc.ticket("Where the focus is #shop");
    for (const [path, label, button] of [[`/tickets/${id}`, "Reply", "#reply-send"], ["/", "What should be done?", "#composer-send"]]) {
      const page = await mc.page(desk, path);
      await live(page);
      await page.getByLabel(label).fill("Pressed");
      await page.locator(button).click();
      await until("an empty box", async () => (await page.getByLabel(label).inputValue()) === "");
      assert.ok(await page.locator(button).evaluate((el) => el === document.activeElement), button);
      quiet(page);
      await page.context().close();
    }
  });
});
