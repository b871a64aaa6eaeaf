// What is written on a page of its own is not lost: not with the login, and not to who changes the same thing meanwhile.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, mark, mission, quiet, sameDocument } from "../lib.mjs";

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
});
