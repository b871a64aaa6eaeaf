// The board: drag and drop, changes held back while somebody reads, one column at a time on a phone.
{
  const begin = () => {
    const board = document.getElementById("board");
    if (!board) return;
    const column = (el) => el?.closest?.(".col");

    // Drag: the card is looked up by its id at the drop, because it may have been swapped meanwhile.
    let dragged = null;
    const allowed = (card, col) => card && col && (card.dataset.moves ?? "").split(" ").includes(col.dataset.status);
    const clear = () => {
      board.classList.remove("dragging");
      board.querySelectorAll(".drag, .over, .may, .maynot").forEach((el) => el.classList.remove("drag", "over", "may", "maynot"));
      dragged = null;
    };
    board.addEventListener("dragstart", (e) => {
      const card = e.target.closest?.(".card");
      if (!card) return;
      dragged = card.id;
      e.dataTransfer.effectAllowed = "move";
      e.dataTransfer.setData("text/plain", card.dataset.id);
      const from = column(card);
      // After this turn, so that the picture under the pointer is still the card itself.
      setTimeout(() => {
        board.classList.add("dragging");
        card.classList.add("drag");
        for (const col of board.querySelectorAll(".col")) if (col !== from) col.classList.add(allowed(card, col) ? "may" : "maynot");
      });
    });
    board.addEventListener("dragover", (e) => {
      const col = column(e.target);
      const card = dragged && document.getElementById(dragged);
      for (const el of board.querySelectorAll(".over")) if (el !== col) el.classList.remove("over");
      if (!allowed(card, col)) return;
      e.preventDefault();
      e.dataTransfer.dropEffect = "move";
      col.classList.add("over");
    });
    board.addEventListener("drop", (e) => {
      const col = column(e.target);
      const card = dragged && document.getElementById(dragged);
      clear();
      if (!allowed(card, col)) return;
      e.preventDefault();
      mine.set(card.id, Date.now());
      htmx.ajax("POST", `/tickets/${card.dataset.id}/move`, {
        source: card, swap: "none",
        values: { status: col.dataset.status, version: card.dataset.version, client_id: crypto.randomUUID?.() ?? `${card.id}-${Date.now()}` },
      });
    });
    board.addEventListener("dragend", () => { clear(); release(); });

    // Hold: while the pointer is in the board or a menu is open under the keys, cards do not move under the hand.
    // Counts change at once.
    const held = document.getElementById("held");
    const mine = new Map();
    let inside = false, waiting = 0, whole = false, follow = null;
    const focused = (where) => board.contains(document.activeElement) && document.activeElement.matches(where);
    const holding = () => inside || dragged || focused("select, details[open] *");
    const label = () => {
      if (!held) return;
      held.hidden = waiting === 0;
      held.querySelector("span").textContent = waiting === 1 ? "Show 1 change" : `Show ${waiting} changes`;
    };
    const show = async () => {
      if (!waiting) return;
      const held = waiting;
      waiting = 0;
      whole = false;
      label();
      await htmx.ajax("GET", location.href, { target: "#board", select: "#board", swap: "outerMorph" });
      // What was held does not come a second time by the stream: until the board was fetched it is still to be shown.
      if (whole) return;
      waiting += held;
      label();
    };
    board.addEventListener("pointerenter", (e) => { inside = e.pointerType === "mouse"; });
    const release = () => { if (!holding()) show(); };
    board.addEventListener("pointerleave", () => { inside = false; release(); });
    // The keys leave a menu as well: by Tab, by Escape, by what it did. Only after this turn is it known where to.
    board.addEventListener("focusout", () => setTimeout(release));
    board.addEventListener("toggle", release, true);
    document.addEventListener("htmx:sse:after:connection", release);
    held?.addEventListener("click", show);
    document.addEventListener("submit", (e) => {
      const card = e.target.closest?.(".card");
      if (!card) return;
      mine.set(card.id, Date.now());
      follow = focused(":focus-visible") ? { id: card.id, from: card.dataset.status } : null;
    }, true);
    // Who moves a card by keys goes with it, unless they went elsewhere meanwhile.
    const goWith = () => {
      const card = follow && document.getElementById(follow.id);
      if (!card || card.dataset.status === follow.from || document.activeElement !== document.body) return;
      follow = null;
      card.querySelector("details.menu summary")?.focus();
    };
    document.addEventListener("focusin", (e) => { if (follow && e.target.closest(".card")?.id !== follow.id) follow = null; });
    document.addEventListener("pointerdown", () => { follow = null; });
    document.addEventListener("htmx:sse:before:message", (e) => {
      const { data, event } = e.detail.message;
      if (event || !holding()) return;
      const cards = [...data.matchAll(/id="(card-\d+)"/g)].map((m) => m[1]);
      if (cards.length && cards.every((id) => Date.now() - (mine.get(id) ?? 0) < 5000)) return;
      const box = document.createElement("template");
      box.innerHTML = data;
      // A card that comes or goes makes others jump; what changes where it stands goes on at once.
      const jumps = [...box.content.querySelectorAll("hx-partial")].filter((part) => {
        const target = part.getAttribute("hx-target") ?? "";
        return /^#col-|^#cards-/.test(target) || (target.startsWith("#card-") && part.getAttribute("hx-swap") === "delete");
      });
      if (!jumps.length) return;
      for (const part of jumps) part.remove();
      waiting += 1;
      label();
      if (box.content.children.length) e.detail.message.data = box.innerHTML;
      else e.preventDefault();
    });

    // An empty column is a spine; it opens when a card arrives, and is a spine again when the last one is gone. By a
    // class and not by `:not(:has(.card))`: that makes a browser look at the whole page for every node that comes.
    const spines = () => {
      for (const col of board.querySelectorAll(".col.fold:not(.full)")) col.dataset.spine = "";
      for (const col of board.querySelectorAll("[data-spine]")) col.classList.toggle("fold", !col.querySelector(".card"));
    };
    spines();
    document.addEventListener("htmx:after:swap", (e) => {
      if (e.detail.ctx.target === board) whole = true;
      spines();
      goWith();
    });

    // A spine opens in place.
    board.addEventListener("click", (e) => {
      const unfold = e.target.closest("[data-unfold]");
      if (!unfold) return;
      e.preventDefault();
      column(unfold).classList.remove("fold");
      delete column(unfold).dataset.spine;
      unfold.remove();
    });

    // Phone: the picker follows the swipe, and leads without a reload.
    const picker = document.querySelector(".picker");
    const narrow = matchMedia("(max-width: 767px)");
    const current = (status) => picker?.querySelectorAll("a").forEach((a) => (a.dataset.col === status ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current")));
    const go = (status, behavior) => {
      const col = document.getElementById(`col-${status}`);
      if (col) board.scrollTo({ left: col.offsetLeft - board.offsetLeft, behavior });
    };
    picker?.addEventListener("click", (e) => {
      const a = e.target.closest("a");
      if (!a) return;
      e.preventDefault();
      go(a.dataset.col, matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth");
      current(a.dataset.col);
      history.replaceState(history.state, "", a.getAttribute("href").replace(/#.*/, ""));
    });
    if (narrow.matches) go(board.dataset.col, "instant");
    let timer;
    board.addEventListener("scroll", () => {
      if (!narrow.matches) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        const at = board.scrollLeft + board.clientWidth / 2;
        const col = [...board.querySelectorAll(".col")].find((c) => c.offsetLeft - board.offsetLeft <= at && at < c.offsetLeft - board.offsetLeft + c.offsetWidth);
        if (col) current(col.dataset.status);
      }, 80);
    }, { passive: true });
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
}
