// The ways files get onto a chat page. createFiles gives {parts, take, listen}: what the composer shows, the uploaded
// files' numbers for a prompt (which empties the list), and where drops and pastes are heard.

const DRAFT = "draft-files";

export function createFiles(flags, el, onChange) {
  let chips = [];
  const list = el("span", { class: "chips" });
  const trouble = el("p", { class: "file-error", role: "status", hidden: true });

  const draw = () => {
    list.replaceChildren(...chips.map((chip) => chip.node));
    if (flags.keepsDraft) localStorage.setItem(DRAFT, JSON.stringify(chips.map(({ name, id }) => ({ name, id }))));
    onChange();
  };

  const add = (name, id) => {
    const remove = () => {
      chips = chips.filter((each) => each !== chip);
      draw();
    };
    const node = el("span", { class: "chip" }, name, el("button", { type: "button", onclick: remove }, "×"));
    const chip = { name, id, node, remove };
    chips.push(chip);
    draw();
    return chip;
  };

  async function upload(file) {
    trouble.hidden = true;
    const chip = add(file.name, null);
    chip.node.classList.add("busy");
    await new Promise((resolve) => setTimeout(resolve, flags.uploadMs));
    const address = `/api/upload/${flags.variant}?name=${encodeURIComponent(file.name)}`;
    const response = await fetch(address, { method: "POST", headers: { "content-type": file.type }, body: file });
    const { id, error } = await response.json();
    chip.node.classList.remove("busy");
    chip.id = id;
    if (error) {
      chip.remove();
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
    draw();
  }

  const takeAll = (given) => [...given].forEach(upload);

  const input = el("input", { type: "file", hidden: true, multiple: flags.files !== "one" });
  input.addEventListener("change", () => {
    takeAll(input.files);
    input.value = "";
  });

  // Never in the document: only the browser's file chooser reaches it.
  const attach = el("button", { type: "button", class: "attach", onclick: () => input.click() }, "Attach");

  const dropArea = el("div", { class: "drop-area", style: "position:fixed;inset:0;background:#eee" }, "Drop files here");
  const hearDrops = (place) => {
    place.addEventListener("dragenter", () => place.append(dropArea));
    dropArea.addEventListener("dragover", (event) => event.preventDefault());
    dropArea.addEventListener("drop", (event) => {
      event.preventDefault();
      dropArea.remove();
      takeAll(event.dataTransfer.files);
    });
  };

  const hearPastes = (field) =>
    field.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      takeAll(event.clipboardData.files);
    });

  return {
    parts: { input: [list, trouble, input], one: [list, trouble, input], chooser: [list, trouble, attach] }[flags.files] ?? [list, trouble],
    take: () => {
      const ready = chips.map((chip) => chip.id).filter((id) => id !== null);
      chips = [];
      draw();
      return ready;
    },
    listen: (place, field) => {
      if (flags.keepsDraft) JSON.parse(localStorage.getItem(DRAFT) ?? "[]").forEach(({ name, id }) => add(name, id));
      if (flags.files === "drop") hearDrops(place);
      if (flags.files === "paste") hearPastes(field);
    },
  };
}
