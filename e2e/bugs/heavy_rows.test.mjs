// Found: on a long event list each new row made the browser look at the whole page again (a rule with `:not(:has())`, on
// the board, but paid for on every page): 30 ms a row, and a page that stood still under a talkative agent.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { desk, mission } from "../lib.mjs";

describe("a long event list", () => {
  let mc;
  before(async () => { mc = await mission({ pace: 1 }); });
  after(() => mc.end());

  test("takes a new row at about the price of a page without any :has()", async () => {
    const id = await mc.ticket("Long [demo: steps 60 every 1ms]", { now: true });
    await mc.stands(id, "done");
    const page = await mc.page(desk, `/tickets/${id}`);
    await page.locator("#live details").first().evaluate((d) => { d.open = true; });
    const price = () => page.evaluate(() => {
      const list = document.getElementById("events");
      const box = document.getElementById("eventbox");
      const row = list.querySelector(":scope > li:not(.group)");
      const add = () => {
        const copy = row.cloneNode(true);
        copy.removeAttribute("id");
        list.append(copy);
        return box.scrollHeight;
      };
      while (list.children.length < 600) add();
      // The best of many: what the machine does beside it only ever adds.
      let best = Infinity;
      for (let i = 0; i < 60; i += 1) {
        const begin = performance.now();
        add();
        best = Math.min(best, performance.now() - begin);
      }
      while (list.children.length > 600) list.lastChild.remove();
      return best;
    });
    const asItIs = Math.min(await price(), await price());
    const dropped = await page.evaluate(() => {
      let n = 0;
      const walk = (rules, owner) => {
        for (let i = rules.length - 1; i >= 0; i -= 1) {
          if (rules[i].selectorText?.includes(":has(")) { owner.deleteRule(i); n += 1; } else if (rules[i].cssRules?.length) walk(rules[i].cssRules, rules[i]);
        }
      };
      for (const sheet of document.styleSheets) walk(sheet.cssRules, sheet);
      return n;
    });
    const without = Math.min(await price(), await price());
    console.log(`a row on 600: ${asItIs.toFixed(2)} ms, without ${dropped} rules with :has() ${without.toFixed(2)} ms`);
    assert.ok(dropped > 3, "there are such rules");
    assert.ok(asItIs <= 4 * without + 0.5, `${asItIs} ms against ${without} ms`);
  });
});
