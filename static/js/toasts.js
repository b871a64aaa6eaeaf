// Toasts: good news goes by itself, bad news stays until it is dismissed; a failed request that brought none gets one.
{
  const box = () => document.getElementById("toasts");
  const begin = () => {
    if (!box()) return;
    new MutationObserver((changes) => {
      for (const change of changes) for (const toast of change.addedNodes) {
        if (toast.nodeType === 1 && toast.dataset.tone === "done") later(toast);
      }
      while (box().children.length > 4) box().firstElementChild.remove();
    }).observe(box(), { childList: true });
  };
  const later = (toast) => {
    setTimeout(() => (toast.matches(":hover, :focus-within") ? later(toast) : toast.remove()), 10_000);
  };
  addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast")?.remove());
  document.addEventListener("htmx:error", () => {
    if (!box() || box().querySelector("[data-offline]")) return;
    const toast = document.createElement("div");
    toast.className = "toast notice";
    toast.dataset.st = "input";
    toast.dataset.tone = "done";
    toast.dataset.offline = "";
    const words = document.createElement("div");
    words.textContent = "The server could not be reached. What you wrote is still here: send it again in a moment.";
    toast.append(words);
    box().append(toast);
  });
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
}
