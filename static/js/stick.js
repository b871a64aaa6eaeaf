// The event panel follows its end only while it is at its end; else "Newest" leads there.
{
  const known = new WeakSet();
  const begin = () => {
    const box = document.getElementById("eventbox");
    const list = document.getElementById("events");
    const jump = document.getElementById("jump");
    if (!box || !list || !jump || known.has(list)) return;
    known.add(list);
    let stick = true, due = false, lit = 0;
    const toEnd = () => { box.scrollTop = box.scrollHeight; };
    // Once for each picture and not for each row: under a talkative agent that is the difference.
    const soon = () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        if (stick) toEnd();
      });
    };
    let top = 0, height = box.scrollHeight;
    box.addEventListener("scroll", () => {
      const up = box.scrollTop < top - 1;
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      top = box.scrollTop;
      // Only a way up lets go: a row that came meanwhile is nobody's scrolling.
      if (atEnd || up) stick = atEnd;
      if (stick) jump.hidden = true;
      else height = box.scrollHeight;
    }, { passive: true });
    new MutationObserver((changes) => {
      const last = changes.some((c) => [...c.addedNodes].some((n) => n === list.lastElementChild || n === list.lastChild));
      if (stick) soon();
      else if (last) jump.hidden = false;
      // Older rows were put before the first one: what is being read stays where it is.
      else box.scrollTop += box.scrollHeight - height;
      if (!stick) height = box.scrollHeight;
      // A new row lights up; in a flood nothing would be dark.
      if (!last || Date.now() - lit < 500) return;
      lit = Date.now();
      list.lastElementChild.classList.add("new");
    }).observe(list, { childList: true });
    jump.addEventListener("click", () => { stick = true; toEnd(); });
    list.closest("details")?.addEventListener("toggle", () => { if (stick) toEnd(); });
    if (!new URLSearchParams(location.search).has("before")) toEnd();
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
  // The panel may have come anew.
  document.addEventListener("htmx:after:swap", begin);
}
