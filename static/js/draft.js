// What was typed survives a reload, with the form's client id, so that sending it again after a lost answer is one request.
// A box that is emptied, by hand or because its words were taken, has no draft any more.
{
  const PREFIX = "draft:";
  const field = (form) => form.querySelector("textarea");
  const key = (form) => PREFIX + form.dataset.draft;
  const read = (k) => { try { return JSON.parse(localStorage.getItem(k)); } catch { return null; } };
  const write = (k, value) => { try { value ? localStorage.setItem(k, JSON.stringify(value)) : localStorage.removeItem(k); } catch { /* full or forbidden */ } };

  const restore = (form) => {
    const kept = read(key(form));
    const text = field(form);
    if (!kept || !text || text.value) return;
    text.value = kept.text;
    const id = form.elements.client_id;
    if (id && kept.id) id.value = kept.id;
    const words = text.closest("details.words");
    if (words) words.open = true;
  };
  addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    const text = form && field(form);
    if (!text || event.target !== text) return;
    write(key(form), text.value.trim() ? { text: text.value, id: form.elements.client_id?.value } : null);
  });
  const begin = () => {
    document.querySelectorAll("form[data-draft]").forEach(restore);
    // Without htmx a sent form comes back as another page: the draft goes once its text is on the way.
    addEventListener("submit", (event) => {
      const form = event.target.closest("form[data-draft]");
      if (form && !window.htmx) write(key(form), null);
    });
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
}
