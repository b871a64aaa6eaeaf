// The conversation with Luci, with the built-in demo agent in her place: sending, waiting, failing, proposing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PATIENCE, axe, desk, live, look, mark, mission, noSideways, phone, quiet, sameDocument, sizes, until } from "../lib.mjs";

// Each driver must look the same from here: LUCI_DRIVER=tmux takes the other one.
const config = `[orchestrator]\ndriver = "${process.env.LUCI_DRIVER ?? "headless"}"\n`;

const turns = (page) => page.locator("#turns > .turn");
const answered = (page, text) => page.locator(".turn[data-state=answered]", { hasText: text });
const send = async (page, text) => {
  await page.getByLabel("Message to Luci").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
};

describe("the conversation", () => {
  let mc;
  before(async () => { mc = await mission({ config }); });
  after(() => mc.end());

  test("says what Luci is while nobody has said anything, and an example fills the box", async () => {
    const page = await mc.page(phone, "/luci");
    await page.getByRole("heading", { name: "This is Luci" }).waitFor();
    await page.locator("[data-say]").first().tap();
    assert.match(await page.getByLabel("Message to Luci").inputValue(), /what needs me/i);
    await noSideways(page);
    assert.deepEqual(await axe(page), []);
    quiet(page);
    await page.context().close();
  });

  test("a message sent from a phone is answered in its place, and the box is empty again", async () => {
    const page = await mc.page(phone, "/luci");
    await live(page);
    await mark(page);
    await send(page, "What is going on? <b>now</b>");
    await turns(page).first().waitFor();
    assert.match(await turns(page).first().innerText(), /<b>now<\/b>/);
    await answered(page, "What is going on?").locator(".prose").waitFor();
    assert.equal(await turns(page).count(), 1);
    assert.equal(await page.getByLabel("Message to Luci").inputValue(), "");
    assert.equal(await page.locator(".hello:visible").count(), 0);
    assert.equal(await page.locator("[hx-trigger='every 1s']").count(), 0, "it asks no more");
    await sameDocument(page);
    await noSideways(page);
    quiet(page);
    await page.context().close();
  });

  test("two pages at once show all messages once, in one order", async () => {
    const [one, two] = [await mc.page(phone, "/luci"), await mc.page(desk, "/luci")];
    for (const page of [one, two]) await live(page);
    const start = await turns(one).count();
    for (let i = 1; i <= 3; i += 1) {
      await Promise.all([send(one, `phone says ${i}`), send(two, `desk says ${i}`)]);
      for (const page of [one, two]) await until("both boxes empty", async () => (await page.getByLabel("Message to Luci").inputValue()) === "");
    }
    const ids = (page) => turns(page).evaluateAll((list) => list.map((t) => t.id));
    for (const page of [one, two]) await until("six answers", async () => await page.locator(".turn[data-state=answered]", { hasText: /phone says|desk says/ }).count() === 6);
    const [first, second] = [await ids(one), await ids(two)];
    assert.equal(first.length, start + 6);
    assert.deepEqual(first, second);
    assert.deepEqual(first, [...first].sort((a, b) => Number(a.slice(5)) - Number(b.slice(5))));
    assert.equal(new Set(first).size, first.length);
    for (const page of [one, two]) { quiet(page); await page.context().close(); }
  });

  test("several new turns at once come to an open page one below the other", async () => {
    const page = await mc.page(desk, "/luci");
    await live(page);
    const start = await turns(page).count();
    await page.evaluate(() => document.querySelector("#live-stream")._htmx.sse.reader.cancel());
    await Promise.all([1, 2, 3, 4].map((n) => mc.post("/luci/send", { message: `together ${n}` })));
    await until("four answers", async () => await page.locator(".turn[data-state=answered]", { hasText: "together" }).count() === 4);
    assert.equal(await turns(page).count(), start + 4);
    await page.context().close();
  });

  test("a reload while she works changes nothing; what waits can be cancelled, what is worked on stopped", async () => {
    const page = await mc.page(desk, "/luci");
    await live(page);
    await send(page, "Take your time [demo: steps 400 every 100ms]");
    const works = page.locator(".turn", { hasText: "Take your time" });
    await works.getByText(/Working/).waitFor();
    await until("what she does", () => works.locator(".doing").isVisible());
    await send(page, "Never mind this one");
    const waits = page.locator(".turn", { hasText: "Never mind this one" });
    await waits.getByText("Waits behind 1").waitFor();
    await page.reload();
    await live(page);
    await works.getByText(/Working/).waitFor();
    await page.locator("#luci-is", { hasText: /works, / }).waitFor();
    await page.locator("#luci-queue summary").click();
    await page.locator("#luci-queue").getByRole("button", { name: "Cancel" }).click();
    await waits.getByText("Withdrawn before Luci read it.").waitFor();
    await page.locator("#luci-queue:not(:has(details))").waitFor({ state: "attached" });
    await works.getByRole("button", { name: "Stop" }).click();
    await works.getByText(/You stopped her/).waitFor();
    const row = (await mc.rows("select state, sent_at from turns where message like 'Never mind%'"))[0];
    assert.deepEqual([row.state, row.sent_at], ["cancelled", null]);
    quiet(page);
    await page.context().close();
  });

  test("a failure says why, and trying again answers it; while her profile rests, others wait", async () => {
    const page = await mc.page(phone, "/luci");
    await live(page);
    await send(page, "Plan nothing today [demo: limit]");
    const turn = page.locator(".turn", { hasText: "Plan nothing today" });
    await turn.getByText("There is no answer.").waitFor();
    assert.match(await turn.locator(".notice").innerText(), /limit/i);
    await noSideways(page);
    await look(page);
    await turn.getByRole("button", { name: "Try again" }).tap();
    await until("the answer", async () => await turn.getAttribute("data-state") === "answered");
    assert.equal(await page.locator(".turn", { hasText: "Plan nothing today" }).count(), 1);
    await send(page, "And something else");
    const other = page.locator(".turn", { hasText: "And something else" });
    await other.getByText("Waits: Luci rests").waitFor();
    await page.locator("#luci-state").getByText("Luci rests.").waitFor();
    await noSideways(page);
    await page.locator("#luci-state").getByRole("button", { name: "Let her go on" }).tap();
    await until("the other answer", async () => await other.getAttribute("data-state") === "answered");
    await page.locator("#luci-state:empty").waitFor({ state: "attached" });
    quiet(page);
    await page.context().close();
  });

  test("three tickets with a dependency: one tap makes them, a second makes nothing, Undo takes them back", async () => {
    const page = await mc.page(phone, "/luci");
    await live(page);
    await send(page, "Plan these tickets, one after the other:\n- Take the count out\n- Keep a stored total\n- Tell those who asked");
    const turn = answered(page, "Take the count out");
    const slip = turn.locator(".slip");
    await slip.getByText("Luci proposes 3 things").waitFor();
    assert.doesNotMatch(await turn.innerText(), /mc_actions/);
    const before = (await mc.rows("select count(*) as n from tickets"))[0].n;
    // One tap, and another one before the page knows of the first.
    const button = slip.getByRole("button", { name: "Do all 3" });
    await button.tap();
    await slip.getByText("all done").waitFor();
    const id = await turn.getAttribute("id");
    await mc.post(`/luci/turns/${id.slice(5)}/apply`, {});
    const made = await mc.rows("select id, title from tickets order by id desc limit 3");
    assert.equal((await mc.rows("select count(*) as n from tickets"))[0].n, before + 3);
    assert.deepEqual(made.map((t) => t.title).reverse(), ["Take the count out", "Keep a stored total", "Tell those who asked"]);
    assert.equal((await mc.rows("select count(*) as n from ticket_links"))[0].n, 2);
    for (const t of made) await slip.getByRole("link", { name: `MC-${t.id}`, exact: true }).waitFor();
    await noSideways(page);
    await slip.getByRole("button", { name: "Undo all" }).tap();
    await until("all taken back", async () => await slip.locator("li[data-state=undone]").count() === 3);
    const left = await mc.rows(`select status from tickets where id in (${made.map((t) => t.id)})`);
    assert.ok(left.every((t) => t.status === "cancelled"), JSON.stringify(left));
    quiet(page);
    await page.context().close();
  });

  test("a proposal is changed before it is done, one is dismissed, a question is answered", async () => {
    const page = await mc.page(desk, "/luci");
    await live(page);
    const actions = [{ kind: "create_ticket", title: "Draft title" }, { kind: "create_ticket", title: "Not this" }, { kind: "ask_owner", question: "Which region?", options: ["eu-central-1", "us-east-1"] }];
    await send(page, `Think [demo: propose ${JSON.stringify(actions)}]`);
    const turn = page.locator(".turn", { hasText: "Draft title" }).filter({ has: page.locator(".slip") });
    await turn.locator("li", { hasText: "Not this" }).getByRole("button", { name: "Dismiss" }).click();
    await turn.locator("li[data-state=dismissed]").waitFor();
    await turn.locator("li", { hasText: "Which region?" }).getByRole("button", { name: "eu-central-1" }).click();
    await answered(page, "You asked: Which region?").waitFor();
    await turn.locator("li", { hasText: "Draft title" }).getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Title").fill("Better title");
    await page.getByLabel("Project").selectOption("shop");
    await page.getByRole("button", { name: "Make the ticket" }).click();
    await page.waitForURL(/\/luci#turn-/);
    await page.locator(".slip li[data-state=applied]", { hasText: "Better title" }).waitFor();
    const [ticket] = await mc.rows("select title, project from tickets order by id desc limit 1");
    assert.deepEqual([ticket.title, ticket.project], ["Better title", "shop"]);
    quiet(page);
    await page.context().close();
  });

  test("what is typed survives a reload and the words of others", async () => {
    const page = await mc.page(desk, "/luci");
    await live(page);
    const box = page.getByLabel("Message to Luci");
    await box.pressSequentially("Half a thou");
    await mc.post("/luci/send", { message: "Somebody else speaks" });
    await answered(page, "Somebody else speaks").waitFor();
    assert.equal(await box.inputValue(), "Half a thou");
    assert.ok(await box.evaluate((el) => el === document.activeElement), "it still has the focus");
    await page.reload();
    await until("the draft", async () => await box.inputValue() === "Half a thou");
    await box.focus();
    await box.press("End");
    await box.pressSequentially("ght");
    await box.press("Shift+Enter");
    await box.pressSequentially("in two lines");
    await box.press("Enter");
    await answered(page, "Half a thought").waitFor();
    assert.equal((await mc.rows("select message from turns where message like 'Half%'"))[0].message, "Half a thought\nin two lines");
    quiet(page);
    await page.context().close();
  });

  test("stopped, messages wait with a Start button; started, they are answered", async () => {
    const page = await mc.page(phone, "/luci");
    await live(page);
    await page.locator("#luci-line").tap();
    await page.locator("#luci-side").getByRole("button", { name: "Stop" }).tap();
    await page.locator("#luci-side").getByRole("link", { name: "Conversation" }).tap();
    await page.locator("#luci-state").getByText("Luci is stopped.").waitFor();
    await send(page, "Are you there?");
    const turn = page.locator(".turn", { hasText: "Are you there?" });
    await turn.getByText("Waits: Luci is stopped").waitFor();
    await page.locator("#luci-state").getByRole("button", { name: "Start" }).tap();
    await until("the answer", async () => await turn.getAttribute("data-state") === "answered");
    await page.locator("#luci-state:empty").waitFor({ state: "attached" });
    quiet(page);
    await page.context().close();
  });

  test("an empty or endless message is refused in the box, and nothing of it is lost", async () => {
    const page = await mc.page(desk, "/luci");
    await live(page);
    const box = page.getByLabel("Message to Luci");
    await box.fill("x".repeat(200_001));
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#luci-errs .err").waitFor();
    assert.equal((await box.inputValue()).length, 200_001);
    await box.fill("short now");
    await box.press("Enter");
    await answered(page, "short now").waitFor();
    await page.locator("#luci-errs:empty").waitFor({ state: "attached" });
    const before = (await mc.rows("select count(*) as n from turns"))[0].n;
    for (const message of ["", " \n ", "a\u0000b", "\u001b\u0007"]) assert.equal((await mc.post("/luci/send", { message })).status, 422);
    assert.equal((await mc.rows("select count(*) as n from turns"))[0].n, before);
    quiet(page, /422/);
    await page.context().close();
  });

  test("plan mode of the composer is answered below it, and leads to the conversation", async () => {
    for (const [path, open] of [["/", null], ["/board#new", null]]) {
      const page = await mc.page(phone, path);
      await live(page);
      await page.getByLabel("What should be done?").fill(`Plan from ${path}`);
      await page.getByText("Plan", { exact: true }).tap();
      await page.getByRole("button", { name: "Ask Luci" }).tap();
      await page.locator("#plan .turn[data-state=answered] .prose").waitFor();
      assert.equal(await page.getByLabel("What should be done?").inputValue(), "");
      await noSideways(page);
      await page.locator("#plan").getByRole("link", { name: "Open the conversation" }).tap();
      await page.waitForURL(/\/luci#turn-/);
      await answered(page, `Plan from ${path}`).waitFor();
      quiet(page);
      await page.context().close();
    }
  });

  test("the same form sent twice is one message, another person's same id is another", async () => {
    for (let i = 0; i < 2; i += 1) assert.equal((await mc.post("/luci/send", { message: "only once", client_id: "same" })).status, 303);
    assert.equal((await mc.rows("select count(*) as n from turns where message = 'only once'"))[0].n, 1);
    await mc.post("/luci/send", { message: "changed after all", client_id: "same" });
    assert.equal((await mc.rows("select count(*) as n from turns where message = 'changed after all'"))[0].n, 1);
  });

  test("older turns come on demand, and the page does not lose its place", async () => {
    await until("a rest", async () => (await mc.rows("select 1 from turns where state in ('pending', 'claimed', 'sent')")).length === 0);
    for (let i = 0; i < 25; i += 1) await mc.post("/luci/send", { message: `Number ${i}` });
    await until("all answered", async () => (await mc.rows("select 1 from turns where state in ('pending', 'claimed', 'sent')")).length === 0, 60_000);
    const page = await mc.page(desk, "/luci");
    await live(page);
    const all = (await mc.rows("select count(*) as n from turns where origin <> 'hand_over'"))[0].n;
    assert.equal(await turns(page).count(), 30);
    while (await page.locator("#older").count()) {
      const had = await turns(page).count();
      await page.locator("#older").click();
      await until("older ones", async () => await turns(page).count() > had);
    }
    assert.equal(await turns(page).count(), all);
    quiet(page);
    await page.context().close();
  });

  for (const [name, size] of Object.entries(sizes)) {
    test(`has nothing that axe finds serious, and no sideways scroll, at ${name} size`, async () => {
      for (const colorScheme of ["dark", "light"]) {
        const page = await mc.page({ ...size, colorScheme }, "/luci");
        await live(page);
        await noSideways(page);
        assert.deepEqual(await axe(page), []);
        await page.context().close();
      }
    });
  }
});

describe("the conversation without JavaScript", () => {
  let mc, page;
  before(async () => { mc = await mission({ config }); });
  after(() => mc.end());

  test("one writes, sees the answer, and has what she proposes done", async () => {
    mc.login = mc.logIn(await mc.browser());
    const context = await (await mc.browser()).newContext({ ...phone, baseURL: mc.url, javaScriptEnabled: false, storageState: await mc.login });
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    await page.goto("/luci");
    await page.getByLabel("Message to Luci").fill("Plan two tickets:\n- First\n- Second");
    await page.getByRole("button", { name: "Send" }).click();
    await page.waitForURL(/\/luci#turn-1$/);
    await until("the answer", async () => {
      await page.goto("/luci");
      return page.locator("#turn-1[data-state=answered] .slip").isVisible();
    });
    await page.getByRole("button", { name: "Do both" }).click();
    await page.waitForURL(/\/luci#turn-1$/);
    await page.getByText("all done").waitFor();
    assert.equal((await mc.rows("select count(*) as n from tickets"))[0].n, 2);
    await page.locator("#luci-line").click();
    await page.locator("#luci-side").getByRole("button", { name: "Stop" }).click();
    await page.locator("#luci-state").getByText("Luci is stopped.").waitFor();
  });
});
