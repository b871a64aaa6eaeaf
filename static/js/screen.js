// A screen in the console stands at its end, and stays there while it changes, unless somebody scrolled up in it.
{
  const known = new WeakSet();
  let away = false;
  const begin = () => {
    const box = document.querySelector("#screen[data-end]");
    if (!box) return;
    if (!known.has(box)) {
      known.add(box);
      away = false;
      box.addEventListener("scroll", () => { away = box.scrollHeight - box.scrollTop - box.clientHeight > 24; }, { passive: true });
    }
    if (!away) box.scrollTop = box.scrollHeight;
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
  document.addEventListener("htmx:after:swap", begin);

  // A screen that cannot be fetched any more is an old one: the page says so, as it does of a lost stream. An answer that
  // refuses is none: it may be a proxy's, whose server is gone.
  const polls = (e) => e.detail?.ctx?.sourceElement?.id === "term";
  const old = (is) => { if (is) document.documentElement.dataset.live = "reconnecting"; else delete document.documentElement.dataset.live; };
  document.addEventListener("htmx:error", (e) => { if (polls(e)) old(true); });
  document.addEventListener("htmx:after:request", (e) => { if (polls(e)) old(!e.detail.ctx.response?.raw?.ok); });
}
