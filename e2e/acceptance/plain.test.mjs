// Everything that matters works by plain forms, with JavaScript off.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PATIENCE, mission, phone, until } from "../lib.mjs";

describe("without JavaScript", () => {
  let mc, page;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  /** Loads the page again until it shows what is to happen. */
  const reload = (what, look) => until(what, async () => {
    await page.reload();
    return look();
  });

  test("one logs in, writes a ticket and sees its result", async () => {
    const context = await (await mc.browser()).newContext({ ...phone, baseURL: mc.url, javaScriptEnabled: false });
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    await page.goto(mc.link);
    await page.getByLabel("Choose a password").fill("correct horse");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Needs you" }).waitFor();
    mc.login = context.storageState();
    await page.getByLabel("What should be done?").fill("Without script #shop");
    await page.getByText("Do it now", { exact: true }).click();
    await page.locator("#composer button[type=submit]").click();
    await page.waitForURL(/\/tickets\/MC-1$/);
    await reload("the result", () => page.locator("#comments .msg", { hasText: "wrote and committed" }).isVisible());
    assert.equal(await page.locator("#head").getAttribute("data-status"), "done");

    // The events are there, behind the tab.
    await page.getByRole("link", { name: "Live" }).click();
    await page.locator("#events li[data-seq]").first().waitFor();
    assert.ok(await page.locator("#events li[data-seq]").count() > 5);
  });

  test("one answers a question, and the session goes on", async () => {
    await page.goto("/");
    await page.getByLabel("What should be done?").fill("Ask me #shop [demo: ask Which region? | eu-central-1 | us-east-1]");
    await page.getByText("Do it now", { exact: true }).click();
    await page.locator("#composer button[type=submit]").click();
    await reload("the question", () => page.locator("#asks").getByRole("button", { name: "us-east-1" }).isVisible());
    await page.locator("#asks").getByRole("button", { name: "us-east-1" }).click();
    await page.waitForURL(/\/tickets\/MC-2$/);
    await reload("the answer", () => page.locator("#comments").getByText("Your answer was: us-east-1").isVisible());
    const runs = await mc.rows("select session_id from runs where ticket_id = 2");
    assert.equal(new Set(runs.map((r) => r.session_id)).size, 1);
  });

  test("one moves a ticket and edits it", async () => {
    await page.goto("/tickets/MC-2");
    await page.locator("#menu > summary").click();
    await page.locator("#menu button[value=todo], #menu button[value=cancelled], #menu button[value=inbox]").first().click();
    const now = (await mc.rows("select status from tickets where id = 2"))[0].status;
    assert.notEqual(now, "done");
    assert.equal(await page.locator("#head").getAttribute("data-status"), now);
    await page.goto("/tickets/MC-2/edit");
    await page.getByLabel("Title").fill("Another title");
    await page.getByRole("button", { name: /Save/ }).click();
    await page.getByRole("heading", { name: "Another title" }).waitFor();
  });

  test("what is refused is told on a page, and what was typed is kept", async () => {
    const answer = await mc.post("/tickets/MC-1/reply", { body: "\u0000 but this stays" });
    assert.equal(answer.status, 422);
    const text = await answer.text();
    assert.match(text, /but this stays/);
    assert.match(text, /NUL character/);
  });

  test("one sends words to a ticket, and logs out", async () => {
    await page.goto("/tickets/MC-1");
    await page.getByLabel("Reply").fill("Thank you");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#comments .msg.you", { hasText: "Thank you" }).waitFor();
    await page.goto("/settings");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.goto("/board");
    await page.waitForURL(/\/login\?next=/);
  });
});
