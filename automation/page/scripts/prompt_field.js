// The prompt field: reads what stands in it and puts a prompt there, by editor kind.
//
// Evaluates to a factory: ({find, isEnabled}) => {calls, standing, entered}; `calls` are functions of the agent in the page.
// An editor's model can't be seen from our isolated world, only what it draws; CodeMirror draws what is in view alone.
(() => {
  "use strict";

  const POLL_MS = 25;
  const EDITORS = [
    ["prosemirror", ".ProseMirror"],
    ["lexical", "[data-lexical-editor]"],
    ["quill", ".ql-editor"],
    ["codemirror", ".cm-content"],
    ["slate", "[data-slate-editor]"],
    ["draft", ".public-DraftEditor-content"],
  ];
  const BLOCK = new Set(["P", "DIV", "LI", "UL", "OL", "PRE", "BLOCKQUOTE", "H1", "H2", "H3", "H4", "H5", "H6"]);
  // What editors draw beside the text.
  const NOT_TEXT = ".ProseMirror-widget, .ProseMirror-separator, .ql-ui, .ql-cursor, [data-slate-zero-width], [data-slate-placeholder]";
  const FORMATTED = "ul, ol, pre, blockquote, h1, h2, h3, h4, h5, h6, code, strong, em, s, table, .ql-code-block";

  const kindOf = (el) => {
    if (el instanceof HTMLTextAreaElement) return "textarea";
    if (el instanceof HTMLInputElement) return "line";
    return (EDITORS.find(([, css]) => el.closest(css)) || ["bare"])[0];
  };

  // The emoji that an editor draws as a picture, by the attribute that holds it; "" for everything else.
  const PICTURE = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;
  const pictured = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE || (node.nodeName !== "IMG" && (node.getAttribute("role") !== "img" || node.textContent.trim()))) return "";
    const names = ["alt", "data-emoji", "aria-label", "title"].map((name) => node.getAttribute(name) || "");
    return names.find((name) => PICTURE.test(name)) || names[0];
  };

  // A block is a line; so is what follows a <br>. The last <br> of a block only holds it open.
  const drawnText = (root) => {
    const lines = [];
    let line = null;
    let isBroken = false;
    const endLine = () => {
      if (line !== null) lines.push(line);
      line = null;
      isBroken = false;
    };
    const begin = () => {
      if (isBroken) endLine();
      line ??= "";
    };
    const walk = (node) => {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) {
          if (child.data === "") continue;
          begin();
          const pieces = child.data.split("\n");
          line += pieces[0];
          for (const piece of pieces.slice(1)) { endLine(); line = piece; }
        } else if (pictured(child)) {
          begin();
          line += pictured(child);
        } else if (child.nodeName === "BR") {
          begin();
          isBroken = true;
        } else if (child.nodeType === Node.ELEMENT_NODE && !child.matches(NOT_TEXT)) {
          if (!BLOCK.has(child.nodeName)) { walk(child); continue; }
          endLine();
          const before = lines.length;
          walk(child);
          if (lines.length === before) line ??= "";
          endLine();
        }
      }
    };
    walk(root);
    endLine();
    return lines.join("\n");
  };

  const selectionOf = (el) => (el.getRootNode().getSelection ? el.getRootNode() : document).getSelection();

  const selectAll = (el) => {
    if (typeof el.select === "function") return el.select();
    const range = document.createRange();
    range.selectNodeContents(el);
    const selection = selectionOf(el);
    selection.removeAllRanges();
    selection.addRange(range);
    return undefined;
  };

  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  // What it would copy is the whole text, also the lines that it has not drawn.
  const copiedText = async (el) => {
    el.focus();
    selectAll(el);
    await pause(0);
    const data = new DataTransfer();
    el.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true, composed: true }));
    selectionOf(el).collapseToEnd();
    return data.getData("text/plain");
  };

  // What can be read of it at once; null where the editor draws only what is in view.
  const readNow = (el) => {
    const kind = kindOf(el);
    if (kind === "textarea" || kind === "line") return el.value;
    if (kind === "codemirror") return null;
    // Without an editor of its own a page reads its field as innerText, unless it keeps paragraphs; so must we.
    if (kind === "bare" && !el.querySelector("p, img, [role='img']")) return el.innerText.replace(/\n$/, "");
    return drawnText(el);
  };

  const read = async (el) => readNow(el) ?? copiedText(el);

  const paste = (el, formats) => {
    const data = new DataTransfer();
    for (const [type, text] of Object.entries(formats)) data.setData(type, text);
    el.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true, composed: true }));
  };

  // ProseMirror drops blank lines from plain text, and white space from HTML unless it takes it for its own.
  const escape = (line) => line.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\u00a0/g, "&nbsp;");
  const breaks = (text) => `<p data-pm-slice="1 1 []">${text.split("\n").map(escape).join("<br>")}</p>`;
  const paragraphs = (text) => {
    const [first, ...rest] = text.split("\n").map((line) => `>${escape(line) || "<br>"}</p>`);
    return `<p data-pm-slice="0 0 []"${first}${rest.map((line) => `<p${line}`).join("")}`;
  };

  const announce = (el, inputType) => el.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType }));

  const WAYS = {
    // React and its like watch the element's own setter; the prototype's setter and an input event is what they hear.
    assign: (el, text) => {
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(el), "value").set.call(el, text);
      announce(el, "insertFromPaste");
    },
    setText: (el, text) => {
      // Otherwise line ends and runs of spaces would count as one space.
      el.style.whiteSpace = "pre-wrap";
      el.textContent = text;
      announce(el, "insertText");
    },
    pasteText: (el, text) => {
      selectAll(el);
      paste(el, { "text/plain": text });
    },
    pasteParagraphs: (el, text) => {
      selectAll(el);
      paste(el, { "text/plain": text, "text/html": paragraphs(text) });
    },
    // What a person's Shift+Enter makes: one paragraph with breaks in it.
    pasteBreaks: (el, text) => {
      selectAll(el);
      paste(el, { "text/plain": text, "text/html": breaks(text) });
    },
  };

  // Editors keep one line end at the end, or take the last one away.
  const trimmed = (text) => text.replace(/\n+$/, "");

  return ({ find, isEnabled }) => {
    let entered = null;

    const describe = async (el) => ({
      kind: kindOf(el),
      text: await read(el),
      is_formatted: !("value" in el) && Boolean(el.querySelector(FORMATTED)),
      enabled: isEnabled(el),
      max: el.maxLength > 0 ? el.maxLength : null,
    });

    const calls = {
      field: async (role) => {
        const el = find(role);
        return el && describe(el);
      },
      focus: async (role) => {
        const el = find(role);
        if (!el) return null;
        el.focus();
        const described = await describe(el);
        selectAll(el);
        return described;
      },
      // Null once the field holds the text, which an editor may need a moment for; else what it holds instead.
      // Counted in looks, not by the clock: a busy page takes the same looks over a longer time.
      keeps: async (role, text, ms) => {
        for (let looks = Math.ceil(ms / POLL_MS); ; looks--) {
          const el = find(role);
          const found = el ? await read(el) : null;
          if (found !== null && trimmed(found) === trimmed(text)) {
            entered = trimmed(text);
            return null;
          }
          if (looks <= 0) return { text: found };
          await pause(POLL_MS);
        }
      },
      // Whether the field still holds what `keeps` found in it.
      holds: async (role) => {
        const el = find(role);
        return Boolean(el) && entered !== null && trimmed(await read(el)) === entered;
      },
      // Gives the field the keyboard where it has it not, and leaves the caret where it stands.
      refocus: (role) => {
        const el = find(role);
        if (el && !el.matches(":focus, :focus-within")) el.focus();
        return Boolean(el);
      },
      // Some pages take a prompt as a message from a window of their own origin.
      tell: (message) => {
        window.postMessage(message, location.origin);
        return true;
      },
    };
    for (const [name, way] of Object.entries(WAYS)) {
      calls[name] = (role, text) => {
        const el = find(role);
        if (!el) return false;
        el.focus();
        way(el, text);
        return true;
      };
    }

    const standing = () => {
      const el = find("input");
      const text = el ? readNow(el) : null;
      return text === null ? null : trimmed(text);
    };

    return { calls, standing, entered: () => entered };
  };
})()
