// Found: the card of a running ticket showed the step of the moment when the page was loaded, for as long as the run went on.
import { after, before, describe, test } from "node:test";
import { desk, live, mission, quiet, until } from "../lib.mjs";

describe("on the board", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  test("the card of a worker says what it does now, also under the mouse", async () => {
    const id = await mc.ticket("Step by step #shop [demo: steps 5000 every 100ms]", { now: true });
    const page = await mc.page(desk, "/board");
    await live(page);
    const card = page.locator(`#cards-in_progress #card-${id.slice(3)}`);
    const step = async () => Number((await card.locator(".run").innerText()).match(/step (\d+)/)?.[1] ?? 0);
    const first = await until("a first step", step);
    await card.locator(".title").hover();
    await until("a later step", async () => (await step()) > first);
    await page.locator("#held").waitFor({ state: "hidden" });
    quiet(page);
  });
});
