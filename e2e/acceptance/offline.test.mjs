// A page that is not live says so, however its connection fails, and takes it back by itself.
import { after, before, describe, test } from "node:test";
import { desk, live, mission, quiet } from "../lib.mjs";

const FAILED = /status of 50[23]|ERR_FAILED|Failed to fetch/;

describe("a page that is not live says so", () => {
  let mc;
  before(async () => { mc = await mission(); });
  after(() => mc.end());

  const refusals = {
    "cannot be opened at all": (route) => route.abort(),
    "is refused by a proxy whose server is gone": (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }),
    "is refused because there are too many": (route) => route.fulfill({ status: 503, body: "" }),
    "is answered by something else": (route) => route.fulfill({ status: 200, contentType: "text/html", body: "<h1>Log in to this network</h1>" }),
  };
  for (const [how, refuse] of Object.entries(refusals)) {
    test(`where its stream ${how}`, async () => {
      const page = await mc.page(desk, "/login");
      await page.route((url) => url.pathname.endsWith("/stream"), refuse);
      await page.goto("/board");
      await page.locator("#offline").waitFor();
      await page.unrouteAll();
      await live(page);
      await page.locator("#offline").waitFor({ state: "hidden" });
      quiet(page, FAILED);
      await page.context().close();
    });
  }

  test("where a screen cannot be fetched any more", async () => {
    const page = await mc.page(desk, "/console");
    for (const refuse of [(route) => route.abort(), (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" })]) {
      await page.route((url) => url.pathname === "/console/screen", refuse);
      await page.locator("#offline").waitFor();
      await page.unrouteAll();
      await page.locator("#offline").waitFor({ state: "hidden" });
    }
    quiet(page, FAILED);
    await page.context().close();
  });
});
