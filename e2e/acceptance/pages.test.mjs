// Every page, at both sizes, dark and light: nothing serious for axe, nothing wider than the screen, a silent console,
// and the board within its weight.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { axe, desk, live, mission, noSideways, phone, quiet, sizes, until, watch } from "../lib.mjs";

const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

describe("every page", () => {
  let mc;
  const paths = {};
  before(async () => {
    mc = await mission({ pace: 5 });
    const done = await mc.ticket("A note, please", { now: true });
    const question = await mc.ticket("Regions [demo: ask Which region? | eu-central-1 | us-east-1]", { now: true });
    const review = await mc.ticket("For review [demo: review]", { now: true });
    await mc.stands(done, "done");
    await mc.stands(question, "needs_input");
    await mc.stands(review, "in_review");
    const running = await mc.ticket(`Going on with ${LONG} [demo: steps 9000 every 200ms]`, { now: true });
    const failed = await mc.ticket("Failing [demo: fail]", { now: true });
    const inbox = await mc.ticket(`${LONG}${LONG} عنوان من اليمين إلى اليسار 🛰️\n\n${"word ".repeat(300)}\n\n\`\`\`\n${"x".repeat(400)}\n\`\`\`\n\n| a | b |\n|---|---|\n| ${LONG} | ${LONG} |`);
    await until("the running one's events", async () => (await mc.rows(`select 1 from ticket_events where ticket_id = ${running.slice(3)}`)).length > 6);
    Object.assign(paths, {
      home: "/", board: "/board", "board, filtered to nothing": "/board?q=nothing+has+this", settings: "/settings", "not there": "/tickets/MC-999",
      "no such page": "/nowhere", "ticket, running": `/tickets/${running}`, "ticket, running, its panel": `/tickets/${running}?tab=live`,
      "ticket, facts": `/tickets/${done}?tab=facts`, "ticket, question": `/tickets/${question}`, "ticket, review": `/tickets/${review}`,
      "ticket, done": `/tickets/${done}`, "ticket, failed": `/tickets/${failed}`, "ticket, hard text": `/tickets/${inbox}`, "ticket, edit": `/tickets/${inbox}/edit`,
    });
  });
  after(() => mc.end());

  for (const [name, size] of Object.entries(sizes)) {
    for (const colorScheme of ["dark", "light"]) {
      test(`on a ${name}, ${colorScheme}`, async () => {
        const faults = [];
        // All rules once at each size; the other colours can only change the contrast.
        const rules = (name === "phone") === (colorScheme === "dark") ? undefined : ["color-contrast"];
        const look = async (page, what) => {
          faults.push(...(await axe(page, rules)).map((f) => `${what}: ${f}`));
          await noSideways(page).catch((e) => faults.push(`${what}: ${e.message} ${e.actual}`));
        };
        const gate = await (await mc.browser()).newContext({ ...size, colorScheme, baseURL: mc.url, reducedMotion: "reduce" });
        const outside = watch(await gate.newPage());
        for (const path of ["/login", "/login?token=wrong"]) {
          await outside.goto(path);
          await look(outside, `login ${path}`);
        }
        quiet(outside);
        await gate.close();

        const page = await mc.page({ ...size, colorScheme, reducedMotion: "reduce" }, "/");
        for (const [what, path] of Object.entries(paths)) {
          await page.goto(path);
          // Menus are looked at open, too.
          await look(page, what);
          const menus = page.locator("#menu > summary, .filterbox > summary").filter({ visible: true });
          if (await menus.count()) {
            await menus.first().click();
            await look(page, `${what}, menu open`);
          }
        }
        assert.deepEqual(faults, []);
        quiet(page, /status of 404/);
        await page.context().close();
      });
    }
  }

  test("that is not there says what to do next", async () => {
    const page = await mc.page(phone, "/");
    for (const path of ["/tickets/MC-999", "/nowhere", "/tickets/what"]) {
      const answer = await page.goto(path);
      assert.equal(answer.status(), 404, path);
      await page.getByRole("heading", { name: "This is not here" }).waitFor();
      assert.ok(await page.locator("main .btns a").count() > 0, "a next step");
    }
    for (const [path, back] of [["/tickets/MC-999", /\/board$/], ["/tasks/none", /\/tasks$/]]) {
      await page.goto(path);
      await page.getByRole("heading", { name: "This is not here" }).waitFor();
      await page.locator("main .btns a").first().click();
      await page.waitForURL(back);
    }
  });
});

describe("the board with 200 tickets", () => {
  let mc;
  before(async () => {
    // Nobody takes up what is To do here: the board stands still while it is weighed.
    mc = await mission({ config: "[roles.reader]\nactive = false" });
    for (let i = 1; i <= 200; i += 1) {
      await mc.ticket(`Ticket ${i}: ${["tidy the cart", "check the invoice of last month", "write down how returns work, step by step"][i % 3]}`, { role: "reader", priority: ["low", "normal", "high"][i % 3] });
    }
    for (let i = 1; i <= 120; i += 1) await mc.post(`/tickets/MC-${i}/move`, { status: ["todo", "done", "cancelled"][i % 3] });
  });
  after(() => mc.end());

  for (const [name, size] of Object.entries(sizes)) {
    test(`takes at most 8 requests and 100 KB on a ${name}, with nothing in the cache`, async () => {
      const page = await mc.page(size, "/login");
      const client = await page.context().newCDPSession(page);
      await client.send("Network.enable");
      await client.send("Network.setCacheDisabled", { cacheDisabled: true });
      const urls = new Map();
      let bytes = 0;
      client.on("Network.responseReceived", (e) => urls.set(e.requestId, e.response.url));
      client.on("Network.dataReceived", (e) => { bytes += e.encodedDataLength; });
      client.on("Network.responseReceivedExtraInfo", (e) => { bytes += e.headersText?.length ?? JSON.stringify(e.headers).length; });
      await page.goto("/board");
      await live(page);
      await page.waitForLoadState("load");
      const list = [...urls.values()].map((u) => new URL(u).pathname);
      console.log(`board on a ${name}: ${urls.size} requests, ${bytes} bytes: ${list.join(" ")}`);
      assert.ok(urls.size <= 8, `${urls.size} requests: ${list.join(" ")}`);
      assert.ok(bytes > 5_000 && bytes <= 100 * 1024, `${bytes} bytes`);
      assert.ok(await page.locator(".card").count() >= 60, "and it shows cards");
      assert.equal(await page.locator("#count-todo").innerText(), "40");
      await noSideways(page);
      quiet(page);
    });
  }
});
