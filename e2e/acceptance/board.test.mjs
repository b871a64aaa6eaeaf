// Cards are moved by mouse, by keyboard, by thumb; what may not be is refused.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, phone, quiet, sameDocument, until } from "../lib.mjs";

describe("on the board", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  test("a card is dragged to another column, and the other open board follows", async () => {
    const id = await mc.ticket("Drag me #shop");
    const page = await mc.page(desk, "/board?open=done,blocked");
    const other = await mc.page(desk, "/board");
    for (const p of [page, other]) { await live(p); await mark(p); }
    const card = page.locator(`#card-${id.slice(3)}`);
    await drag(page, card, page.locator("#col-done"));
    await page.locator(`#cards-done #card-${id.slice(3)}`).waitFor();
    await mc.stands(id, "done");
    await other.locator(`#cards-done #card-${id.slice(3)}`).waitFor();
    await page.locator("#count-done", { hasText: /^1$/ }).waitFor();
    assert.equal(await page.locator(`[id="card-${id.slice(3)}"]`).count(), 1, "one card, not two");
    for (const p of [page, other]) { await sameDocument(p); quiet(p); }
  });

  test("a move that is not allowed is shown as such and refused, by the page and by the server", async () => {
    const id = await mc.ticket("Not there #shop");
    const page = await mc.page(desk, "/board?open=in_review,needs_input");
    await live(page);
    const card = page.locator(`#card-${id.slice(3)}`);
    const moves = (await card.getAttribute("data-moves")).split(" ");
    const all = ["inbox", "todo", "in_progress", "needs_input", "in_review", "blocked", "done"];
    const forbidden = all.find((s) => s !== "inbox" && !moves.includes(s));
    assert.ok(forbidden, "there is a column it may not go to");
    const sent = [];
    page.on("request", (r) => { if (r.method() === "POST") sent.push(r.url()); });
    await drag(page, card, page.locator(`#col-${forbidden}`), async () => {
      await page.locator(`#col-${forbidden}.maynot`).waitFor();
    });
    assert.equal(await page.locator(`#cards-inbox #card-${id.slice(3)}`).count(), 1);
    assert.deepEqual(sent, [], "nothing was asked of the server");
    const answer = await mc.post(`/tickets/${id}/move`, { status: forbidden });
    assert.equal(answer.status, 422);
    await mc.stands(id, "inbox");
    quiet(page);
  });

  test("a card is moved by keyboard alone", async () => {
    const id = await mc.ticket("By keys #shop");
    const page = await mc.page(desk, "/board");
    await live(page);
    await page.locator(`#card-${id.slice(3)} details.menu summary`).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    // To a column where it stays: what is moved to "To do" is picked up at once and is anywhere a moment later.
    await page.keyboard.press("D");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await mc.stands(id, "done");
    await page.locator(`#cards-done #card-${id.slice(3)}`).waitFor();
    assert.equal(await page.locator(`[id="card-${id.slice(3)}"]`).count(), 1, "one card, not two");
    await page.locator(`#cards-done #card-${id.slice(3)} summary:focus`).waitFor();
    quiet(page);
  });

  test("what others move waits while a menu is open under the keys, and no longer", async () => {
    const id = await mc.ticket("My hand is here #shop");
    const other = await mc.ticket("Moved by somebody else #shop");
    const page = await mc.page(desk, "/board");
    await live(page);
    await page.locator(`#card-${id.slice(3)} details.menu summary`).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await mc.post(`/tickets/${other}/move`, { status: "done" });
    await page.locator("#held", { hasText: "Show 1 change" }).waitFor();
    await page.locator(`#card-${id.slice(3)} select:focus`).waitFor();
    assert.equal(await page.locator(`#cards-inbox #card-${other.slice(3)}`).count(), 1);
    await page.keyboard.press("Escape");
    await page.locator(`#cards-done #card-${other.slice(3)}`).waitFor();
    await page.locator("#held").waitFor({ state: "hidden" });
    await page.locator(`#card-${id.slice(3)} summary:focus`).waitFor();
    quiet(page);
  });

  test("on the phone the columns are picked and a card is moved by its menu", async () => {
    const id = await mc.ticket("By thumb #shop");
    const page = await mc.page(phone, "/board?col=inbox");
    await live(page);
    const card = page.locator(`#card-${id.slice(3)}`);
    await card.locator("details.menu summary").tap();
    await card.getByLabel("Move to").selectOption("cancelled");
    await card.getByRole("button", { name: "Move" }).tap();
    await mc.stands(id, "cancelled");
    await card.waitFor({ state: "detached" });

    await page.locator(".picker a[data-col=done]").tap();
    await until("the Done column in sight", () => page.locator("#col-done").evaluate((c) => {
      const box = c.getBoundingClientRect();
      return box.left >= -2 && box.left < 40;
    }));
    await page.locator(".picker a[data-col=done][aria-current=true]").waitFor();
    quiet(page);
  });

  test("a card that changes does not move under a mouse that reads", async () => {
    const id = await mc.ticket("Hold still #shop");
    const page = await mc.page(desk, "/board");
    await live(page);
    await page.locator(`#card-${id.slice(3)} .title`).hover();
    await mc.post(`/tickets/${id}/move`, { status: "done" });
    await page.locator("#held", { hasText: "Show 1 change" }).waitFor();
    assert.equal(await page.locator(`#cards-inbox #card-${id.slice(3)}`).count(), 1);
    await page.mouse.move(5, 5);
    await page.locator(`#cards-done #card-${id.slice(3)}`).waitFor();
    assert.equal(await page.locator(`[id="card-${id.slice(3)}"]`).count(), 1);
    quiet(page);
  });

  test("what was held and cannot be fetched is still to be shown, and comes with the connection", async () => {
    for (const refuse of [(route) => route.abort(), (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" })]) {
      const id = await mc.ticket("Held for long #shop");
      const page = await mc.page(desk, "/board");
      await live(page);
      await page.locator(`#card-${id.slice(3)} .title`).hover();
      await mc.post(`/tickets/${id}/move`, { status: "done" });
      const chip = page.locator("#held", { hasText: "Show 1 change" });
      await chip.waitFor();
      await page.route((url) => url.pathname === "/board", refuse);
      const failed = page.waitForEvent("requestfinished", { predicate: (r) => new URL(r.url()).pathname === "/board" });
      const gone = page.waitForEvent("requestfailed", { predicate: (r) => new URL(r.url()).pathname === "/board" });
      await page.mouse.move(5, 5);
      await Promise.any([failed, gone]);
      await chip.waitFor();
      assert.equal(await page.locator(`#cards-inbox #card-${id.slice(3)}`).count(), 1);
      await page.unrouteAll();
      // The network is back: the stream connects anew.
      await page.evaluate(() => document.querySelector("#live-stream")._htmx.sse.reader.cancel());
      await page.locator(`#cards-done #card-${id.slice(3)}`).waitFor();
      await page.locator("#held").waitFor({ state: "hidden" });
      quiet(page, /ERR_FAILED|Failed to fetch|502/);
      await page.context().close();
    }
  });

  test("a stale move is refused with a word, and nothing is changed", async () => {
    const id = await mc.ticket("Somebody is faster #shop");
    const page = await mc.page(desk, `/tickets/${id}`);
    await live(page);
    // The page's own knowledge is made old, as between a change and its arrival.
    await page.locator("#menu input[name=version]").evaluate((i) => { i.value = String(Number(i.value) - 1 || 99); });
    await page.locator("#menu summary").click();
    const answer = page.waitForResponse((r) => r.url().endsWith("/move"));
    await page.locator("#menu button[value=done]").click();
    assert.equal((await answer).status(), 409);
    await page.locator("#toasts .toast").waitFor();
    assert.match(await page.locator("#toasts").innerText(), /changed|version|newer/i);
    await mc.stands(id, "inbox");
    quiet(page, /409/);
  });
});

async function drag(page, card, column, midway = async () => {}) {
  const from = await card.boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + from.height - 14);
  await page.mouse.down();
  const box = await column.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 90, { steps: 4 });
  await page.mouse.move(box.x + box.width / 2 + 4, box.y + 96, { steps: 2 });
  await midway();
  await page.mouse.up();
}
