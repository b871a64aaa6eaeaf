// The second half of a double tap never acts on what has come into the place of what was tapped.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { desk, hasSent, live, mission, phone, quiet, slow, until } from "../lib.mjs";

const centre = async (locator) => {
  await locator.scrollIntoViewIfNeeded();
  const box = await locator.boundingBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

/** The forms that a page sends from here on. */
const sending = (page) => {
  const posts = [];
  page.on("request", (r) => { if (r.method() === "POST") posts.push(r.url()); });
  return posts;
};

/** Waits until another button of that name is under the finger. */
const under = (page, [x, y], name) => until(`${name} under the finger`, () =>
  page.evaluate(([x, y, name]) => document.elementFromPoint(x, y)?.closest("button")?.textContent.includes(name), [x, y, name]));

describe("a double tap", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  // However slow the machine is, both taps come in one moment: the page's clock stands.
  const NOW = Date.now();
  const page = async (size, path) => {
    const page = await mc.page(size, "/login");
    await page.clock.setFixedTime(NOW);
    // Counted before the page's own scripts hear of them.
    await page.addInitScript(() => { window.clicks = 0; addEventListener("click", () => { window.clicks += 1; }, true); });
    await page.goto(path);
    return page;
  };

  test("on Approve approves one ticket, and not the one that slides under the finger", async () => {
    const done = async () => (await mc.rows("select 1 from tickets where status = 'done'")).length;
    const ids = [];
    for (let i = 0; i < 2; i += 1) ids.push(await mc.ticket("Look at this, please [demo: review]", { now: true }));
    for (const id of ids) await mc.stands(id, "in_review");
    const home = await page(phone, "/");
    await live(home);
    await home.locator("article.lit form[data-htmx-powered]").first().waitFor();
    const approve = home.getByRole("button", { name: "Approve" });
    assert.equal(await approve.count(), 2);
    const at = await centre(approve.first());
    await home.touchscreen.tap(...at);
    await until("one to be done", async () => (await done()) === 1);
    await until("the other one's block alone", async () => (await approve.count()) === 1);
    await under(home, at, "Approve");
    const posts = sending(home);
    await home.touchscreen.tap(...at);
    await home.waitForFunction(() => window.clicks === 2);
    await hasSent(home);
    assert.deepEqual(posts, [], "nothing is sent");
    assert.equal(await done(), 1, "exactly one is done");
    // Who looks first and taps then is heard.
    await home.clock.setFixedTime(NOW + 1000);
    await home.touchscreen.tap(...at);
    await until("both to be done", async () => (await done()) === 2);
    quiet(home);
    await home.context().close();
  });

  test("on Run now does not stop what it started", async () => {
    writeFileSync(join(mc.data, "workspace", "tasks", "long.md"), '---\nschedule: "0 18 * * *"\ncommand: ["sleep", "3"]\n---\nLong.\n');
    const tasks = await page(phone, "/tasks");
    await live(tasks);
    const run = tasks.getByRole("button", { name: "Run now: long" });
    await run.waitFor();
    const at = await centre(run);
    await tasks.touchscreen.tap(...at);
    await tasks.getByRole("button", { name: "Stop: long" }).waitFor();
    await tasks.touchscreen.tap(...at);
    await until("its end", async () => (await mc.rows("select 1 from task_runs where state not in ('waiting', 'running')")).length > 0);
    assert.deepEqual((await mc.rows("select state from task_runs")).map((r) => r.state), ["ok"]);
    quiet(tasks);
    await tasks.context().close();
  });

  test("on Make a token shows the token", async () => {
    const settings = await page(desk, "/settings");
    const posts = sending(settings);
    const answer = await slow(settings, "/settings/tokens");
    await settings.locator("#tokens").getByLabel("Name").fill("twice");
    const at = await centre(settings.getByRole("button", { name: "Make a token" }));
    await settings.mouse.click(...at);
    // The token is made, and its page is on its way.
    await answer.arrived;
    await settings.mouse.click(...at);
    answer.go();
    await settings.locator("#tokens pre.command", { hasText: "mct_" }).waitFor();
    assert.equal(posts.length, 1);
    assert.equal(await settings.locator("#tokens .err").count(), 0);
    quiet(settings);
    await settings.context().close();
  });

  test("on Allow does not take it back, though the page has come anew in between", async () => {
    const settings = await page(desk, "/settings#autonomy");
    const at = await centre(settings.getByRole("button", { name: "Make tickets: allow" }));
    await settings.mouse.click(...at);
    await settings.getByRole("button", { name: "Make tickets: let her ask" }).waitFor();
    await under(settings, at, "Let her ask");
    const posts = sending(settings);
    await settings.mouse.click(...at);
    await settings.waitForFunction(() => window.clicks === 1);
    await hasSent(settings);
    assert.deepEqual(posts, [], "nothing is sent");
    await settings.getByRole("button", { name: "Make tickets: let her ask" }).waitFor();
    quiet(settings);
    await settings.context().close();
  });
});
