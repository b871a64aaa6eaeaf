// What was sent leaves its box, and only that: words typed while it was on its way stay, also in the box that comes in its place.
{
  const on = (name, f) => document.addEventListener(`htmx:${name}`, (e) => {
    const ctx = e.detail?.ctx;
    const form = ctx?.sourceElement?.closest?.("form");
    if (form) f(ctx, form);
  });
  // In these a success empties the box; from all others it leads away, or takes the box with it.
  const says = (form) => form.matches("form[data-draft], form#typing");
  const ok = (ctx) => ctx.response?.raw?.ok;
  const boxes = (form) => [...form.querySelectorAll("textarea[id], input.input[id]")];
  const write = (box, text) => { box.value = text; box.dispatchEvent(new Event("input", { bubbles: true })); };

  // Kept for each request and not for the form: one that is dropped, or waits its turn, has words of its own.
  const sent = new WeakMap(), typed = new WeakMap();
  on("config:request", (ctx, form) => sent.set(ctx, boxes(form).map((box) => [box, box.value])));
  on("after:request", (ctx, form) => {
    if (!ok(ctx) || !says(form)) return;
    // The id is spent: the same words typed once more are another message.
    if (form.elements.client_id) form.elements.client_id.value += "+";
    for (const [box, was] of sent.get(ctx) ?? []) write(box, box.value.startsWith(was) ? box.value.slice(was.length).trimStart() : box.value);
  });
  on("before:swap", (ctx, form) => { if (!ok(ctx) || says(form)) typed.set(ctx, boxes(form).map((box) => [box.id, box.value])); });
  document.addEventListener("htmx:after:swap", (e) => {
    for (const [id, text] of typed.get(e.detail?.ctx) ?? []) {
      const box = document.getElementById(id);
      if (box && box.value !== text) write(box, text);
    }
  });
}
