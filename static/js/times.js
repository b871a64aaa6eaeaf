// Times stay right without a reload, in the words the server uses, and in the reader's own zone.
{
  const DAY = 86_400_000;
  const span = (ms) => {
    const s = Math.floor(Math.max(ms, 0) / 1000);
    if (s < 1) return "now";
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86_400) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86_400)} d`;
  };
  const two = (n) => String(n).padStart(2, "0");
  const local = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`;
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const words = {
    span: (at, now) => span(now - at),
    ago: (at, now) => (at > now + 999 ? `in ${span(at - now)}` : now - at < 1000 ? "just now" : `${span(now - at)} ago`),
    clock: (at, now) => {
      const d = new Date(at);
      return now - at < DAY ? `${two(d.getHours())}:${two(d.getMinutes())}` : `${d.getDate()} ${months[d.getMonth()]}`;
    },
    day: (at, now) => {
      const d = new Date(at);
      const midnight = (t) => new Date(t).setHours(0, 0, 0, 0);
      const back = Math.round((midnight(now) - midnight(at)) / DAY);
      return back === 0 ? "Today" : back === 1 ? "Yesterday" : `${days[d.getDay()]} ${d.getDate()} ${months[d.getMonth()]}`;
    },
  };
  const show = (el) => {
    const at = Number(el.dataset.at);
    const say = words[el.dataset.as];
    if (!at || !say) return;
    const text = say(at, Date.now());
    if (el.textContent !== text) el.textContent = text;
    if (!el.dataset.local) {
      el.title = local(new Date(at));
      el.dataset.local = "y";
    }
  };
  const all = (root) => root.querySelectorAll("time[data-at]").forEach(show);
  const begin = () => {
    all(document);
    // A second for what is fresh, a quarter of a minute for the rest; nothing while nobody looks.
    let n = 0;
    setInterval(() => {
      if (document.hidden) return;
      n += 1;
      for (const el of document.querySelectorAll("time[data-at]")) {
        const fresh = Math.abs(Date.now() - Number(el.dataset.at)) < 75_000;
        if ((fresh && el.dataset.as !== "clock" && el.dataset.as !== "day") || n % 15 === 0) show(el);
      }
    }, 1000);
    new MutationObserver((changes) => {
      for (const change of changes) for (const node of change.addedNodes) {
        if (node.nodeType !== 1) continue;
        if (node.matches("time[data-at]")) show(node);
        all(node);
      }
    }).observe(document.body, { childList: true, subtree: true });
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
}
