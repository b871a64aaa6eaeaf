// What a person does while an agent works: writes to it, stops it, types undisturbed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, phone, quiet, sameDocument, seqs, until } from "../lib.mjs";

describe("while an agent works", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  test("a reply is shown as pending, and delivered exactly once when the run ends", async () => {
    const id = await mc.ticket("Count slowly [demo: steps 120 every 25ms]", { now: true });
    const page = await mc.page(desk, `/tickets/${id}`);
    await page.locator("#head[data-status=in_progress]").waitFor();
    await live(page);
    await mark(page);
    await page.getByLabel("Reply").fill("And say thank you at the end.");
    await page.getByRole("button", { name: "Send" }).click();
    const mine = page.locator("#comments .msg.you");
    await mine.locator(".delivery[data-state=pending]").waitFor();
    assert.match(await mine.innerText(), /Queued: the agent reads it when this run ends/);
    assert.equal(await page.locator("#head").getAttribute("data-status"), "in_progress", "the run was not disturbed");

    await mine.locator(".delivery[data-state=delivered]").waitFor();
    await page.locator("#comments").getByText("Your answer was: And say thank you at the end.").waitFor();
    await page.locator("#head[data-status=done]").waitFor();
    assert.equal(await mine.count(), 1);
    assert.deepEqual(await mc.rows("select state from queued_messages"), [{ state: "delivered" }]);
    const runs = await mc.rows(`select attempt, state, session_id from runs where ticket_id = ${id.slice(3)} order by attempt`);
    assert.deepEqual(runs.map((r) => r.state), ["finished", "finished"]);
    assert.equal(runs[0].session_id, runs[1].session_id);
    const said = await mc.rows("select count(*) as n from ticket_events where kind = 'text' and content like '%You replied: And say thank you%'");
    assert.equal(said[0].n, 1, "the agent read it once");
    await sameDocument(page);
    quiet(page);
  });

  test("Stop ends the run, the ticket says what to do, and a reply resumes it", async () => {
    const id = await mc.ticket("Hang there [demo: hang]", { now: true });
    const page = await mc.page(phone, `/tickets/${id}`);
    await page.locator("#head[data-status=in_progress]").waitFor();
    await until("the agent to hang", async () => (await mc.rows(`select 1 from ticket_events where ticket_id = ${id.slice(3)} and content like '%told me to hang%'`)).length > 0);
    // On a phone Stop stands below the events.
    await page.locator("#strip").tap();
    await page.waitForURL(/tab=live/);
    await page.locator("#live-foot details.stop summary").tap();
    await page.locator("#live-foot").getByRole("button", { name: "Stop now" }).tap();
    await page.locator("#head[data-status=blocked]").waitFor();
    await page.getByRole("link", { name: /^Talk/ }).tap();
    await live(page);
    await mark(page);
    const asks = page.locator("#asks");
    await asks.getByRole("button", { name: "Resume" }).waitFor();
    assert.match(await asks.innerText(), /stopped/i);
    await page.locator("#comments .terminal").waitFor();
    assert.deepEqual(mc.processes().filter((p) => /demo-agent/.test(p)), [], "the agent and all it started is gone");

    await page.getByLabel("Reply").fill("Do not hang this time.");
    await page.getByRole("button", { name: "Send" }).tap();
    await page.locator("#head[data-status=done]").waitFor();
    const runs = await mc.rows(`select state, reason, session_id from runs where ticket_id = ${id.slice(3)} order by attempt`);
    assert.deepEqual(runs.map((r) => [r.state, r.reason]), [["stopped", "new"], ["finished", "resume"]]);
    assert.equal(runs[0].session_id, runs[1].session_id);
    await sameDocument(page);
    quiet(page);
  });

  test("an open menu stays open and what is typed stays, with the focus, while events stream in two tabs", async () => {
    const id = await mc.ticket("Talk on [demo: steps 5000 every 30ms]", { now: true });
    const one = await mc.page(desk, `/tickets/${id}`);
    const two = await mc.page(desk, `/tickets/${id}`);
    for (const page of [one, two]) await live(page);
    await until("the first events", async () => (await seqs(one)).length > 3);
    const box = one.getByLabel("Reply");
    await box.click();
    const words = "Typed while the agent talks, one letter after the other";
    const from = (await seqs(one)).at(-1);
    for (const letter of words) await one.keyboard.type(letter);
    await until("events to come", async () => (await seqs(one)).at(-1) > from + 5);
    assert.equal(await box.inputValue(), words);
    assert.equal(await box.evaluate((b) => document.activeElement === b && b.selectionStart), words.length);

    const stop = two.locator("#head details.stop");
    await stop.locator("summary").click();
    const seen = (await seqs(two)).at(-1);
    await until("more events", async () => (await seqs(two)).at(-1) > seen + 6);
    assert.equal(await stop.evaluate((d) => d.open), true, "the menu under the finger stays open");
    await stop.getByRole("button", { name: "Stop now" }).click();

    // Both tabs see the end of the run, and the text in the first one is still there.
    for (const page of [one, two]) await page.locator("#head[data-status=blocked]").waitFor();
    assert.equal(await box.inputValue(), words);
    assert.equal(await box.evaluate((b) => document.activeElement === b), true, "the focus stayed at the end of the run, too");
    for (const page of [one, two]) quiet(page);
  });

  test("the panel follows its end only while one is at its end", async () => {
    const id = await mc.ticket("Scroll [demo: steps 5000 every 30ms]", { now: true });
    const page = await mc.page(desk, `/tickets/${id}`);
    await live(page);
    const box = page.locator("#eventbox");
    const gap = () => box.evaluate((b) => b.scrollHeight - b.scrollTop - b.clientHeight);
    await until("the panel to be full", () => box.evaluate((b) => b.scrollHeight > b.clientHeight + 200));
    await until("the panel to be at its end", async () => (await gap()) < 40);
    await box.evaluate((b) => { b.scrollTop = 0; });
    const seen = (await seqs(page)).length;
    await page.locator("#jump").waitFor();
    await until("more events", async () => (await seqs(page)).length > seen + 4);
    assert.equal(await box.evaluate((b) => b.scrollTop), 0, "what is read stays where it is");
    await page.locator("#jump").click();
    await until("the end again", async () => (await gap()) < 40);
    await page.locator("#jump").waitFor({ state: "hidden" });
    quiet(page);
  });
});
