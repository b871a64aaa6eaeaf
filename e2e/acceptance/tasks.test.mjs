// Tasks in the browser: what is due and how it went, run, pause and resume by button, and a broken file mended, all of
// it live and at both sizes.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { axe, complaints, desk, live, look, mission, noSideways, phone, quiet, sizes, until } from "../lib.mjs";

describe("tasks", () => {
  let mc;
  const file = (name, front, body = "") => writeFileSync(join(mc.data, "workspace", "tasks", name), `---\n${front}\n---\n${body}\n`);
  before(async () => {
    mc = await mission();
    file("backup.md", 'schedule: "0 18 * * *"\ntimezone: Europe/Berlin\ncommand: ["echo", "3 databases"]', "Copies the databases.");
    file("mirror.md", 'schedule: "10 3 * * *"\ntimezone: Africa/Johannesburg\ncommand: ["sh", "-c", "echo no answer; exit 7"]');
    file("feeds.md", 'schedule: "0 25 * * *"\ncommand: ["true"]');
  });
  after(() => mc.end());

  for (const [name, size] of Object.entries(sizes)) {
    test(`are listed, run, paused and resumed on a ${name}`, async () => {
      const page = await mc.page(size, "/tasks");
      await live(page);
      const row = page.locator("tr", { hasText: "backup" });
      await until("the row", () => row.isVisible());
      assert.match(await row.textContent(), /every day at 18:00, Berlin/);
      const before = await row.locator(".ticks i").count();
      await row.getByRole("button", { name: "Run now: backup" }).click();
      await until("the run's tick", async () => (await row.locator(".ticks i.o").count()) > before);
      await row.getByRole("button", { name: "Pause: backup" }).click();
      await until("that it is paused", async () => /paused/.test(await row.textContent()));
      await look(page);
      await row.getByRole("button", { name: "Resume: backup" }).click();
      await until("that it goes on", async () => !/paused/.test(await row.textContent()));
      const faults = await axe(page);
      await noSideways(page);
      await page.goto("/tasks/backup");
      await live(page);
      await page.getByText(/^Output/).first().click();
      assert.match(await page.locator("#taskruns pre").first().textContent(), /3 databases/);
      faults.push(...(await axe(page)));
      await noSideways(page);
      await page.goto("/tasks/feeds/edit");
      faults.push(...(await axe(page)));
      await noSideways(page);
      assert.deepEqual(faults, []);
      assert.deepEqual(complaints(page), []);
    });
  }

  test("of a broken file are told with the line, and mended on the page", async () => {
    const page = await mc.page(desk, "/tasks");
    await live(page);
    const notice = page.locator(".notice", { hasText: "tasks/feeds.md" });
    await until("the notice", () => notice.isVisible());
    assert.match(await notice.textContent(), /Line 2.*there is no hour 25/);
    await notice.getByRole("link", { name: "Show the file" }).click();
    const text = page.locator("#t-text");
    await text.fill((await text.inputValue()).replace("25", "99"));
    await page.getByRole("button", { name: "Save" }).click();
    await until("what is wrong", async () => /there is no hour 99/.test(await page.locator("#taskedit").textContent()));
    assert.match(await text.inputValue(), /99/, "what was typed is still there");
    await text.fill((await text.inputValue()).replace("99", "5"));
    await page.getByRole("button", { name: "Save" }).click();
    await until("the mended task", () => page.getByText("every day at 05:00").first().isVisible());
    assert.equal(await page.locator(".notice", { hasText: "tasks/feeds.md" }).count(), 0);
    quiet(page, /422/);
  });

  test("work without script", async () => {
    const page = await mc.page({ ...phone, javaScriptEnabled: false }, "/tasks");
    await page.locator("tr", { hasText: "mirror" }).getByRole("button", { name: "Run now: mirror" }).click();
    await until("the failed run", async () => {
      await page.goto("/tasks/mirror");
      return /failed/.test(await page.locator("#taskruns").textContent());
    });
    assert.match(await page.locator("#taskruns").textContent(), /exit code 7/);
  });
});
