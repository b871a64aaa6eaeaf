// What is written on a page of its own is not lost: not with the login, and not to who changes the same thing meanwhile.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { desk, mark, mission, phone, quiet, sameDocument, until } from "../lib.mjs";

const WORDS = "A long description, thought about for an hour";

describe("the edit pages", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  const stored = async (id) => (await mc.rows(`select title, description, status from tickets where id = ${id.slice(3)}`))[0];

  test("keep what was written when the login has ended, and store it after another one", async () => {
    const id = await mc.ticket("Written for long #shop");
    const page = await mc.page(desk, `/tickets/${id}/edit`);
    await mark(page);
    await page.getByLabel("Description").fill(WORDS);
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Save" }).click();
    const toast = page.locator("#toasts .toast", { hasText: "Your login has ended" });
    await toast.waitFor();
    await sameDocument(page);
    assert.match(page.url(), new RegExp(`/tickets/${id}/edit$`));
    assert.equal(await page.getByLabel("Description").inputValue(), WORDS);

    const [other] = await Promise.all([page.context().waitForEvent("page"), toast.getByRole("link", { name: "Log in" }).click()]);
    await other.getByLabel("Password").fill("correct horse");
    await other.getByRole("button", { name: "Log in" }).click();
    await other.getByRole("heading", { name: "Needs you" }).waitFor();
    await other.close();
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(new RegExp(`/tickets/${id}$`));
    assert.equal((await stored(id)).description, WORDS);
    quiet(page, /401/);
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`say that the ticket has moved meanwhile, and store what was written at the second go, ${javaScriptEnabled ? "with" : "without"} script`, async () => {
      const id = await mc.ticket("Moved under the pen #shop");
      const page = await mc.page({ ...phone, javaScriptEnabled }, `/tickets/${id}/edit`);
      await page.getByLabel("Description").fill(WORDS);
      await page.getByLabel("Priority").selectOption("high");
      await mc.post(`/tickets/${id}/move`, { status: "done" });
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("alert").getByText("It has changed since you opened it").waitFor();
      assert.match(await page.getByRole("alert").innerText(), /under “Done” now/);
      assert.equal(await page.getByLabel("Description").inputValue(), WORDS);
      assert.equal(await page.getByLabel("Priority").inputValue(), "high");
      assert.equal((await stored(id)).description, "", "nothing is stored unasked");
      await page.getByRole("button", { name: "Save" }).click();
      await page.waitForURL(new RegExp(`/tickets/${id}$`));
      const now = await stored(id);
      assert.deepEqual([now.description, now.status], [WORDS, "done"]);
      quiet(page, /409/);
    });
  }

  test("say so of a task's file that somebody else has changed", async () => {
    const file = join(mc.data, "workspace", "tasks", "feeds.md");
    const text = (hour, body) => `---\nschedule: "0 ${hour} * * *"\ncommand: ["true"]\n---\n${body}\n`;
    writeFileSync(file, text(5, "First."));
    const page = await mc.page(desk, "/");
    await until("the task's page", async () => (await page.goto("/tasks/feeds/edit")).ok());
    await page.getByLabel("The file").fill(text(6, "Mine."));
    writeFileSync(file, text(7, "Theirs."));
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("It has changed since you opened it").waitFor();
    assert.equal(await page.getByLabel("The file").inputValue(), text(6, "Mine."));
    assert.equal(readFileSync(file, "utf8"), text(7, "Theirs."));
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(/\/tasks$/);
    assert.equal(readFileSync(file, "utf8"), text(6, "Mine."));
    quiet(page, /404|409/);
  });
});
