// What stands around a page's own matter is live as well: the count of what waits for a person, on every page.
import { after, before, describe, test } from "node:test";
import { desk, live, mark, mission, quiet, sameDocument } from "../lib.mjs";

const ASK = "Which region should the shop use? [demo: ask Which region? | eu-central-1 | us-east-1]";

describe("what needs a person", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  test("is said on pages of tasks and of the inbox when it comes up, and no longer once it is answered on the ticket's page", async () => {
    const pages = [await mc.page(desk, "/tasks"), await mc.page(desk, "/inbox")];
    for (const page of pages) {
      await live(page);
      await mark(page);
      await page.locator("#need.none", { hasText: "Nothing needs you" }).waitFor();
    }
    const id = await mc.ticket(ASK, { now: true });
    const ticket = await mc.page(desk, `/tickets/${id}`);
    await live(ticket);
    await mark(ticket);
    await ticket.locator("#asks").getByRole("heading", { name: "Which region?" }).waitFor();
    pages.push(ticket);
    for (const page of pages) await page.locator("#need:not(.none)", { hasText: "1 needs you" }).waitFor();

    await ticket.locator("#asks form[data-htmx-powered]").first().waitFor();
    await ticket.locator("#asks").getByRole("button", { name: "eu-central-1" }).click();
    for (const page of pages.reverse()) {
      await page.locator("#need.none", { hasText: "Nothing needs you" }).waitFor();
      await page.locator("#need-rail").waitFor({ state: "hidden" });
      await sameDocument(page);
      quiet(page);
    }
  });
});
