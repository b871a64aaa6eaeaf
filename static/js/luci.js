// The conversation: Enter sends at a desk, the page follows its end only while it is there, and an example fills the box.
{
  const box = () => document.querySelector("form[data-keep] textarea");
  const fine = matchMedia("(pointer: fine)");
  addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.shiftKey || e.ctrlKey || e.metaKey || e.isComposing || !fine.matches) return;
    if (!e.target.matches?.("form[data-enter] textarea")) return;
    e.preventDefault();
    if (e.target.value.trim()) e.target.form.requestSubmit();
  });
  document.addEventListener("htmx:after:request", (e) => {
    const { sourceElement, response } = e.detail?.ctx ?? {};
    if (sourceElement?.closest?.("form[data-keep]") && response?.raw?.ok) stick = true;
  });
  addEventListener("click", (e) => {
    const prompt = e.target.closest?.("[data-say]");
    const text = prompt && box();
    if (!text) return;
    text.value = prompt.dataset.say;
    text.dispatchEvent(new Event("input", { bubbles: true }));
    text.focus();
  });

  let stick = true;
  const begin = () => {
    const list = document.querySelector("[data-stick]");
    if (!list) return;
    const jump = document.getElementById("luci-jump");
    const page = document.scrollingElement;
    const atEnd = () => page.scrollHeight - page.scrollTop - page.clientHeight < 60;
    const toEnd = () => { page.scrollTop = page.scrollHeight; };
    let top = page.scrollTop, lastOne = list.lastElementChild;
    addEventListener("scroll", () => {
      const up = page.scrollTop < top - 1;
      top = page.scrollTop;
      if (atEnd() || up) stick = atEnd();
      if (stick) jump.hidden = true;
    }, { passive: true });
    new ResizeObserver(() => {
      if (stick) toEnd();
      else if (list.lastElementChild !== lastOne) jump.hidden = false;
      lastOne = list.lastElementChild;
    }).observe(list);
    jump.addEventListener("click", () => { stick = true; toEnd(); });
    const named = location.hash.startsWith("#turn-") && document.querySelector(location.hash);
    if (named && named.nextElementSibling?.matches(".turn")) stick = false;
    else if (!new URLSearchParams(location.search).has("before")) toEnd();
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
}
