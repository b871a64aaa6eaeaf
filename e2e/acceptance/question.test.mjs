// A question is answered in two taps, and the same session goes on.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, phone, quiet, sameDocument } from "../lib.mjs";

const ASK = "Which region should the shop use? [demo: ask Which region? | eu-central-1 | us-east-1]";

describe("a question", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  test("is answered on the phone's Home in two taps, and the same session goes on to the end", async () => {
    const page = await mc.page(phone, "/");
    await live(page);
    await mark(page);
    const id = await mc.ticket(ASK, { now: true });

    // It arrives by itself, with its answers as chips.
    const lit = page.locator("#lit-1");
    await lit.getByRole("heading", { name: "Which region?" }).waitFor();
    // A tap in the instant before htmx knows the form is a plain post, which leads to the ticket: right, but another test.
    await lit.locator("form[data-htmx-powered]").first().waitFor();
    assert.match(await page.locator("#need-tab").innerText(), /^1\s+needs you$/);
    let taps = 0;
    const tap = async (target) => { taps += 1; await target.tap(); };
    await tap(lit.getByRole("button", { name: "eu-central-1" }));
    // The block goes at once: by the answer to the tap, or by the stream where that is faster.
    await lit.getByRole("button", { name: "eu-central-1" }).waitFor({ state: "detached" });
    assert.ok(taps <= 2, `${taps} taps`);
    await mc.stands(id, "done");
    await page.locator("#needs .calm").waitFor();
    await sameDocument(page);

    const attempts = await mc.rows("select attempt, reason, session_id, state from runs where ticket_id = 1 order by attempt");
    assert.deepEqual(attempts.map((a) => [a.attempt, a.reason, a.state]), [[1, "new", "finished"], [2, "resume", "finished"]]);
    assert.equal(attempts[0].session_id, attempts[1].session_id, "one session");
    assert.match(attempts[0].session_id, /^[0-9a-f-]{36}$/);

    await page.goto(`/tickets/${id}`);
    await page.locator("#comments").getByText("Your answer was: eu-central-1").waitFor();
    quiet(page);
  });

  test("is answered with words of one's own on the ticket's page, while it stands open", async () => {
    const id = await mc.ticket(ASK, { now: true });
    const page = await mc.page(desk, `/tickets/${id}`);
    await live(page);
    await mark(page);
    await page.locator("#asks").getByRole("heading", { name: "Which region?" }).waitFor();
    await page.getByLabel("Reply").fill("ap-south-1, for the new customers");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#comments").getByText("Your answer was: ap-south-1, for the new customers").waitFor();
    await page.locator("#head[data-status=done]").waitFor();
    await page.locator("#asks:empty").waitFor({ state: "attached" });
    assert.equal(await page.getByLabel("Reply").inputValue(), "");
    await sameDocument(page);
    quiet(page);
  });
});
