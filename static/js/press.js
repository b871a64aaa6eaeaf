// A second press is for what the first one was for: where that has gone and something else has come under the finger, it is
// dropped. And a form that leads to another page is sent once at a time.
{
  const SOON = 600, NEAR = 30, KEY = "pressed";
  // Two buttons that do the same are one: its place may have been rendered anew.
  const does = (el) => (el.form ? [el.form.getAttribute("action"), el.name, el.value].join(" ") : el.href ?? "");
  let last = null;
  try { last = JSON.parse(sessionStorage.getItem(KEY)); } catch { /* no storage: each page begins afresh */ }
  addEventListener("click", (e) => {
    const el = e.target.closest?.("button, a[href]");
    // A press by the keyboard has no place. In the console, pressing twice is meant.
    if (!el || !e.detail || el.closest("#keys")) return;
    const now = Date.now();
    const again = last && now - last.at < SOON && Math.hypot(e.clientX - last.x, e.clientY - last.y) < NEAR;
    if (again && does(el) !== last.does) {
      // As long as somebody goes on tapping there, it is the same hurry.
      last.at = now;
      e.preventDefault();
      e.stopImmediatePropagation();
    } else if (el.form && el.type === "submit") last = { at: now, x: e.clientX, y: e.clientY, does: does(el) };
  }, true);

  let underWay = new WeakSet();
  addEventListener("submit", (e) => {
    const form = e.target;
    if (e.defaultPrevented || form.method !== "post") return;
    if (underWay.has(form)) return e.preventDefault();
    underWay.add(form);
    // Nobody tells of an answer that never comes: after a while it may be sent again.
    setTimeout(() => underWay.delete(form), 10_000);
    try { sessionStorage.setItem(KEY, JSON.stringify(last)); } catch { /* no storage */ }
  });
  addEventListener("pageshow", () => { underWay = new WeakSet(); });
}
