// Toasts: good news goes by itself, bad news stays until it is dismissed; a failed request that brought none gets one.
{
  const box = () => document.getElementById("toasts");
  const begin = () => {
    if (!box()) return;
    new MutationObserver((changes) => {
      for (const change of changes) for (const toast of change.addedNodes) {
        if (toast.nodeType !== 1) continue;
        // Whatever else came (a page of a proxy, say) is told in our own words.
        if (!toast.matches(".toast")) { toast.remove(); tell("That did not work. Nothing was changed; try again in a moment."); }
        else if (toast.dataset.tone === "done") later(toast);
      }
      while (box().children.length > 4) box().firstElementChild.remove();
    }).observe(box(), { childList: true });
  };
  const later = (toast) => {
    setTimeout(() => (toast.matches(":hover, :focus-within") ? later(toast) : toast.remove()), 10_000);
  };
  addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast")?.remove());
  const tell = (text) => {
    if ([...box().children].some((t) => t.textContent === text)) return;
    const toast = document.createElement("div");
    toast.className = "toast notice";
    toast.dataset.st = "input";
    toast.dataset.tone = "done";
    toast.append(document.createElement("i"), Object.assign(document.createElement("div"), { textContent: text }));
    box().append(toast);
  };
  document.addEventListener("htmx:error", (e) => {
    const source = e.detail?.ctx?.sourceElement;
    if (box() && source?.matches?.("form, form *, .card")) tell("The server could not be reached. What you wrote is still here: send it again in a moment.");
  });
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
}
