// The stream: html[data-live] for the style sheet, an expired login, waking up at once, a stream gone silent.
{
  const SILENCE = 40_000;
  const on = (name, f) => document.addEventListener(`htmx:sse:${name}`, f);
  const say = (state) => { document.documentElement.dataset.live = state; };
  const streams = () => document.querySelectorAll("[hx-sse\\:connect]");
  let heard = Date.now();

  on("after:connection", () => { heard = Date.now(); say("live"); });
  on("before:connection", (e) => { if (e.detail.connection.attempt > 1) say("reconnecting"); });
  on("before:message", () => { heard = Date.now(); });
  on("close", () => say("off"));
  on("error", (e) => {
    if (e.detail.status === 401) location.reload();
    else say("reconnecting");
  });
  // A first connect that came to nothing: no answer, or one that is no stream.
  const opens = (e) => e.detail?.ctx?.sourceElement?.matches?.("[hx-sse\\:connect]");
  for (const name of ["htmx:error", "htmx:after:request"]) document.addEventListener(name, (e) => { if (opens(e)) say("reconnecting"); });

  // Who looks is led to the login and back. Who sends something stays, with what was written: the answer says what to do.
  document.addEventListener("htmx:response:error", (e) => {
    const { request, response } = e.detail?.ctx ?? {};
    if (response?.status === 401 && request.method === "GET") location.reload();
  });

  // `_htmx` is internal to htmx 4.0: it is touched here and nowhere else.
  const wake = () => streams().forEach((el) => el._htmx?.sse?.delayCanceller?.());
  const renew = () => streams().forEach((el) => el._htmx?.sse?.reader?.cancel());
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { heard = Date.now(); setTimeout(wake); } });
  setInterval(() => {
    if (document.hidden || document.documentElement.dataset.live !== "live") return;
    if (Date.now() - heard > SILENCE) { heard = Date.now(); say("reconnecting"); renew(); }
  }, 5000);

  // A menu that did its work closes, and so does one that is clicked away or left by Escape.
  const close = (except) => document.querySelectorAll("details.menu[open], details.filterbox[open]").forEach((d) => { if (!d.contains(except)) d.open = false; });
  addEventListener("click", (e) => close(e.target));
  addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    const open = document.querySelector("details.menu[open], details.filterbox[open]");
    if (open) { open.open = false; open.querySelector("summary")?.focus(); }
  });
  document.addEventListener("htmx:after:request", (e) => {
    const source = e.detail?.ctx?.sourceElement;
    const menu = source?.closest?.("details.menu");
    if (menu && e.detail.ctx.response?.raw?.ok) menu.open = false;
  });
}
