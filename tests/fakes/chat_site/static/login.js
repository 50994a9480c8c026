// The second step of the sign-in form, where the form has two.
const next = document.querySelector("button.next");
next?.addEventListener("click", () => {
  next.hidden = true;
  document.querySelector(".step").hidden = false;
});
