// The editors that chat pages use, each as a chat's prompt field: plain Enter submits.
//
// editors.html?<name> shows one. `modelText()` is what a page would send: the editor's own model, not what is drawn.

import { markdown } from "@codemirror/lang-markdown";
import { CodeNode } from "@lexical/code";
import { registerHistory, createEmptyHistoryState } from "@lexical/history";
import { LinkNode } from "@lexical/link";
import { ListItemNode, ListNode, registerList } from "@lexical/list";
import { registerMarkdownShortcuts, TRANSFORMERS } from "@lexical/markdown";
import { registerPlainText } from "@lexical/plain-text";
import { HeadingNode, QuoteNode, registerRichText } from "@lexical/rich-text";
import { Editor } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import { basicSetup } from "codemirror";
import { EditorView, keymap } from "@codemirror/view";
import { EditorState, Prec } from "@codemirror/state";
import { $getRoot, COMMAND_PRIORITY_HIGH, createEditor, KEY_ENTER_COMMAND } from "lexical";
import { exampleSetup } from "prosemirror-example-setup";
import { schema } from "prosemirror-schema-basic";
import { EditorState as ProseMirrorState, Plugin } from "prosemirror-state";
import { EditorView as ProseMirrorView } from "prosemirror-view";
import Quill from "quill";
import { createElement, useMemo } from "react";
import { createRoot } from "react-dom/client";
import { createEditor as createSlate, Node as SlateNode } from "slate";
import { withHistory } from "slate-history";
import { Editable, Slate, withReact } from "slate-react";

const host = document.getElementById("host");
let modelText = () => "";
const sent = [];
const submit = () => { sent.push(modelText()); return true; };
const isSubmit = (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing;

const native = (el) => {
  el.classList.add("prompt");
  host.append(el);
  el.addEventListener("keydown", (event) => { if (isSubmit(event)) { event.preventDefault(); submit(); } });
  return () => ("value" in el ? el.value : el.innerText);
};

const contentEditable = (mode, style) => {
  const el = document.createElement("div");
  el.contentEditable = mode;
  Object.assign(el.style, style);
  return native(el);
};

const submitPlugin = new Plugin({ props: { handleKeyDown: (_, event) => isSubmit(event) && submit() } });

const paragraphsOf = (doc) => doc.textBetween(0, doc.content.size, "\n", (leaf) => (leaf.type.name.toLowerCase().includes("break") ? "\n" : ""));

const lexical = (register) => {
  const el = document.createElement("div");
  el.contentEditable = "true";
  el.className = "prompt";
  host.append(el);
  const editor = createEditor({
    namespace: "chat",
    nodes: [HeadingNode, QuoteNode, ListNode, ListItemNode, CodeNode, LinkNode],
    onError: (error) => { throw error; },
  });
  editor.setRootElement(el);
  register(editor);
  registerHistory(editor, createEmptyHistoryState(), 300);
  editor.registerCommand(KEY_ENTER_COMMAND, (event) => {
    if (event?.shiftKey) return false;
    event?.preventDefault();
    return submit();
  }, COMMAND_PRIORITY_HIGH);
  // Paragraphs are parted by a blank line in its text; a chat page joins them by line ends.
  return () => editor.getEditorState().read(() => $getRoot().getChildren().map((node) => node.getTextContent()).join("\n"));
};

const SlatePrompt = ({ expose }) => {
  const editor = useMemo(() => withHistory(withReact(createSlate())), []);
  expose(editor);
  return createElement(Slate, { editor, initialValue: [{ type: "paragraph", children: [{ text: "" }] }] },
    createElement(Editable, {
      className: "prompt",
      onKeyDown: (event) => { if (isSubmit(event)) { event.preventDefault(); submit(); } },
    }));
};

const EDITORS = {
  textarea: () => native(document.createElement("textarea")),
  line: () => native(Object.assign(document.createElement("input"), { type: "text" })),
  editable: () => contentEditable("true", {}),
  "editable-pre": () => contentEditable("true", { whiteSpace: "pre-wrap" }),
  "plaintext-only": () => contentEditable("plaintext-only", { whiteSpace: "pre-wrap" }),
  prosemirror: () => {
    const state = ProseMirrorState.create({ schema, plugins: [submitPlugin, ...exampleSetup({ schema, menuBar: false })] });
    const view = new ProseMirrorView(host, { state, attributes: { class: "prompt" } });
    return () => paragraphsOf(view.state.doc);
  },
  tiptap: () => {
    const editor = new Editor({
      element: host,
      extensions: [StarterKit],
      editorProps: { attributes: { class: "prompt" }, handleKeyDown: (_, event) => isSubmit(event) && submit() },
    });
    return () => paragraphsOf(editor.state.doc);
  },
  "lexical-plain": () => lexical(registerPlainText),
  "lexical-rich": () => lexical((editor) => {
    registerRichText(editor);
    registerList(editor);
    registerMarkdownShortcuts(editor, TRANSFORMERS);
  }),
  quill: () => {
    const el = document.createElement("div");
    host.append(el);
    const submitting = { key: "Enter", shiftKey: false, handler: () => { submit(); return false; } };
    const quill = new Quill(el, { modules: { keyboard: { bindings: { submitting } } } });
    quill.root.classList.add("prompt");
    // The model always ends in a line end of its own.
    return () => quill.getText().replace(/\n$/, "");
  },
  codemirror: () => {
    const submitKey = Prec.highest(keymap.of([{ key: "Enter", run: submit }]));
    const look = [EditorView.lineWrapping, EditorView.contentAttributes.of({ class: "prompt" })];
    const state = EditorState.create({ extensions: [submitKey, basicSetup, markdown(), ...look] });
    const view = new EditorView({ state, parent: host });
    return () => view.state.doc.toString();
  },
  slate: () => {
    let editor;
    createRoot(host).render(createElement(SlatePrompt, { expose: (made) => { editor = made; } }));
    return () => editor.children.map((node) => SlateNode.string(node)).join("\n");
  },
};

modelText = EDITORS[location.search.slice(1)]();
document.getElementById("send").addEventListener("click", submit);
Object.assign(globalThis, { sent, modelText });
