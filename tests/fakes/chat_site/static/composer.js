// The kinds of text field a chat page has. Each gives {field, read, clear}.

const FIELDS = {
  textarea: () => document.createElement("textarea"),
  line: () => Object.assign(document.createElement("input"), { type: "text" }),
  editable: () => Object.assign(document.createElement("div"), { contentEditable: "plaintext-only" }),
  paragraphs: () => Object.assign(document.createElement("div"), { contentEditable: "true", innerHTML: "<p><br></p>" }),
};

// A block is a line and so is what follows a <br>; innerText would count an empty block twice.
function readLines(field) {
  const lines = [""];
  [...field.childNodes].forEach((node, i) => {
    const startsLine = node.nodeName === "BR" || (i > 0 && node.nodeType === Node.ELEMENT_NODE);
    if (startsLine) lines.push("");
    lines.push(lines.pop() + node.textContent);
  });
  return lines.join("\n");
}

function paragraphs(lines) {
  return lines.map((line) => {
    const paragraph = document.createElement("p");
    paragraph.append(line === "" ? document.createElement("br") : line);
    return paragraph;
  });
}

// As ProseMirror does: plain text loses its blank lines, HTML keeps a paragraph per line.
function pasteParagraphs(event, field) {
  event.preventDefault();
  const html = event.clipboardData.getData("text/html");
  const parsed = new DOMParser().parseFromString(html, "text/html").querySelectorAll("p");
  const plain = event.clipboardData.getData("text/plain").split(/\n+/);
  const lines = parsed.length ? [...parsed].map((node) => node.textContent) : plain;
  const isEmpty = field.textContent === "";
  const before = isEmpty ? [] : [...field.childNodes];
  field.replaceChildren(...before, ...paragraphs(lines));
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
}

export function createComposer(kind, { maxLength, onChange, onSubmit }) {
  const field = FIELDS[kind]();
  field.className = "prompt";
  field.setAttribute("aria-label", "Message");
  if ("placeholder" in field) field.placeholder = "Ask anything";
  const isForm = "value" in field;
  const read = () => (isForm ? field.value : readLines(field));
  const clear = () => {
    if (isForm) field.value = "";
    else field.innerHTML = kind === "paragraphs" ? "<p><br></p>" : "";
    onChange();
  };
  field.addEventListener("input", () => {
    if (maxLength && field.value.length > maxLength) field.value = field.value.slice(0, maxLength);
    onChange();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    onSubmit();
  });
  if (kind === "paragraphs") {
    document.execCommand("defaultParagraphSeparator", false, "p");
    field.addEventListener("paste", (event) => pasteParagraphs(event, field));
  }
  return { field, read, clear };
}
