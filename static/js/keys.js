// Keys: c new ticket, / search, g then h, b, l or s to go somewhere, Ctrl or Cmd and Enter to send. Never while typing.
{
  const places = { h: "/", b: "/board", l: "/luci", s: "/settings" };
  let going = 0;
  const typing = (el) => el.closest?.("input, textarea, select, [contenteditable]");
  const say = () => {
    const folded = document.querySelector("details#new");
    if (folded) folded.open = true;
    const box = document.getElementById("say");
    if (!box) return false;
    box.focus();
    box.scrollIntoView({ block: "nearest" });
    return true;
  };
  addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && e.target.matches?.("textarea")) {
      e.target.form?.requestSubmit();
      e.preventDefault();
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target)) return;
    if (going && Date.now() - going < 1500 && places[e.key]) { going = 0; location.href = places[e.key]; return; }
    going = e.key === "g" ? Date.now() : 0;
    if (e.key === "c") { e.preventDefault(); say() || (location.href = "/#say"); }
    if (e.key === "/") {
      const box = [...document.querySelectorAll("[data-search]")].find((el) => el.checkVisibility?.() ?? el.offsetParent);
      e.preventDefault();
      if (box) { box.focus(); box.select(); } else location.href = "/board#q";
    }
  });
  addEventListener("click", (e) => { if (e.target.closest("a[href='#say'], a[href='#new']") && say()) e.preventDefault(); });
  const hash = () => {
    if (location.hash === "#say" || location.hash === "#new") say();
    if (location.hash === "#q") {
      const box = document.getElementById("filter");
      if (box) { box.open = true; document.getElementById("q")?.focus(); }
    }
  };
  addEventListener("hashchange", hash);
  addEventListener("DOMContentLoaded", hash);
}
