// The prompt's field, and what sends it.

export function el(tag, { onclick, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  if (onclick) node.addEventListener("click", onclick);
  node.append(...children);
  return node;
}

export function createComposer(plan, submit) {
  const isArea = plan.field === "textarea";
  const names = { class: "field", "aria-label": "Message" };
  const field = isArea ? el("textarea", names) : el("div", { ...names, contenteditable: "true", role: "textbox" });
  const read = () => (isArea ? field.value : field.innerText.replace(/\n$/, ""));
  const send = el("button", { class: "send", type: "button", disabled: true, onclick: go }, "Send");

  function go() {
    const prompt = read();
    if (prompt.trim()) submit(prompt);
  }
  const refresh = () => { send.disabled = !read().trim() || field.disabled; };
  field.addEventListener("input", refresh);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    go();
  });
  return {
    place: el("div", { class: "composer" }, field, ...(plan.has_send ? [send] : [])),
    clear: () => {
      if (isArea) field.value = "";
      else field.replaceChildren();
      refresh();
    },
    disable: (isBusy) => {
      if (isArea) field.disabled = isBusy;
      else field.setAttribute("contenteditable", String(!isBusy));
      refresh();
    },
  };
}
