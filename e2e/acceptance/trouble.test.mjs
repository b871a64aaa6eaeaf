// What goes wrong: the double tap, the reload in mid-word, the server that is gone, the answer that refuses.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, phone, quiet, sameDocument, until } from "../lib.mjs";

describe("when something goes wrong", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  const count = async (title) => (await mc.rows(`select count(*) as n from tickets where title = '${title}'`))[0].n;

  test("a double tap on Create makes one ticket", async () => {
    const page = await mc.page(phone, "/");
    await page.getByLabel("What should be done?").fill("Tapped twice");
    const create = page.getByRole("button", { name: "Create" });
    const box = await create.boundingBox();
    const at = [box.x + box.width / 2, box.y + box.height / 2];
    await page.touchscreen.tap(...at);
    await page.touchscreen.tap(...at);
    await page.locator("#toasts").getByRole("link", { name: "Open" }).waitFor();
    await until("the composer to be empty", async () => (await page.getByLabel("What should be done?").inputValue()) === "");
    assert.equal(await count("Tapped twice"), 1);
    quiet(page);
  });

  test("the same form sent twice by a browser without script is one ticket, too", async () => {
    const form = { message: "Sent twice", mode: "quick_ticket", client_id: "the-same-rendering" };
    const [one, two] = await Promise.all([mc.post("/composer", form), mc.post("/composer", form)]);
    assert.equal(one.headers.get("location"), two.headers.get("location"));
    assert.equal(await count("Sent twice"), 1);
  });

  test("what was typed survives a reload, and is gone once it was sent", async () => {
    const page = await mc.page(phone, "/");
    const say = page.getByLabel("What should be done?");
    await say.fill("A thought that must not be lost");
    await page.reload();
    assert.equal(await say.inputValue(), "A thought that must not be lost");
    await page.getByRole("button", { name: "Create" }).tap();
    await page.locator("#toasts").getByRole("link", { name: "Open" }).waitFor();
    await page.reload();
    assert.equal(await say.inputValue(), "");
    assert.equal(await count("A thought that must not be lost"), 1);

    const id = await mc.ticket("Drafts #shop");
    await page.goto(`/tickets/${id}`);
    await page.getByLabel("Reply").fill("Half a reply");
    await page.goto("/");
    await page.goto(`/tickets/${id}`);
    assert.equal(await page.getByLabel("Reply").inputValue(), "Half a reply");
    quiet(page);
  });

  test("a refused form says why, and keeps the text", async () => {
    const page = await mc.page(desk, "/");
    const say = page.getByLabel("What should be done?");
    await say.fill("Good words #shop @nobody-of-that-name");
    await page.locator("#composer").evaluate((form) => {
      form.querySelector("select[name=role]").append(new Option("ghost", "ghost", true, true));
    });
    const answer = page.waitForResponse((r) => r.url().endsWith("/composer"));
    await page.getByRole("button", { name: "Create" }).click();
    assert.equal((await answer).status(), 422);
    await page.locator("#composer .errs[role=alert]").waitFor();
    assert.equal(await say.inputValue(), "Good words #shop @nobody-of-that-name");
    quiet(page, /422/);
  });

  test("a server that goes away is told at once, and nothing typed is lost when it comes back", async () => {
    const id = await mc.ticket("Outage #shop");
    const page = await mc.page(desk, `/tickets/${id}`);
    await live(page);
    await mark(page);
    await page.getByLabel("Reply").fill("Written in the dark");
    await mc.halt();
    await page.locator("#offline").waitFor();
    assert.match(await page.locator("#offline").innerText(), /No connection/);
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#toasts").getByText("could not be reached").waitFor();
    assert.equal(await page.getByLabel("Reply").inputValue(), "Written in the dark");

    await mc.start();
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await page.locator("#offline").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#comments .msg.you", { hasText: "Written in the dark" }).waitFor();
    assert.equal(await page.locator("#comments .msg.you").count(), 1);
    await sameDocument(page);
    quiet(page, /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|Failed to fetch|network error/i);
  });

  test("a login that has ended leads to the login page and back", async () => {
    const page = await mc.page(desk, "/board");
    await live(page);
    await page.context().clearCookies();
    await page.locator("a[href='/settings']").filter({ visible: true }).first().click();
    await page.waitForURL(/\/login\?next=/);
    await page.getByLabel("Password").fill("wrong password");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password").fill("correct horse");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(/\/settings$/);
    quiet(page, /401|403|422/);
  });
});
