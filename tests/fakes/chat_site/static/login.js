// The second step of the sign-in form, where the form has two. The button is there before it does anything, as on pages
// that are rendered first and get their scripts later.
const next = document.querySelector("button.next");
const LISTENS_AFTER_MS = 1500;
setTimeout(() => next?.addEventListener("click", () => {
  next.hidden = true;
  document.querySelector(".step").hidden = false;
}), LISTENS_AFTER_MS);
