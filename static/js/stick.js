// The event panel follows its end only while it is at its end; else "Newest" leads there.
{
  const known = new WeakSet();
  const begin = () => {
    const box = document.getElementById("eventbox");
    const list = document.getElementById("events");
    const jump = document.getElementById("jump");
    if (!box || !list || !jump || known.has(list)) return;
    known.add(list);
    let stick = true;
    const toEnd = () => { box.scrollTop = box.scrollHeight; };
    box.addEventListener("scroll", () => {
      stick = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      if (stick) jump.hidden = true;
    }, { passive: true });
    let height = box.scrollHeight;
    new MutationObserver((changes) => {
      const last = changes.some((c) => [...c.addedNodes].some((n) => n === list.lastElementChild || n === list.lastChild));
      if (stick) toEnd();
      else if (last) jump.hidden = false;
      // Older rows were put before the first one: what is being read stays where it is.
      else box.scrollTop += box.scrollHeight - height;
      height = box.scrollHeight;
      for (const change of changes) for (const node of change.addedNodes) {
        if (last && node.nodeType === 1 && node.nextElementSibling === null) node.classList.add("new");
      }
    }).observe(list, { childList: true });
    jump.addEventListener("click", toEnd);
    list.closest("details")?.addEventListener("toggle", () => { if (stick) toEnd(); });
    if (!new URLSearchParams(location.search).has("before")) toEnd();
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
  // The panel may have come anew.
  document.addEventListener("htmx:after:swap", begin);
}
