// Finds elements of a chat page by the roles of its profile, also in open shadow roots, and tells what shows.
//
// Evaluates to a factory: (profile, onRoots) => functions of the agent in the page. `onRoots` is called when the page's
// shadow roots were looked for anew.
(() => {
  "use strict";

  // How old the list of the page's shadow roots may be; most pages have none and never get one.
  const SHADOWS_MS = 100;
  const NO_SHADOWS_MS = 500;
  const NO_TEXT = new Set(["style", "script", "template", "noscript"]);
  const LABEL_CHARACTERS = 80;
  // Looked for inside the turns of the model alone.
  const IN_ANSWER = new Set(["answer", "thinking", "thinking_toggle", "sources", "finished"]);

  return (profile, onRoots) => {
    let shadowRoots = [];
    let shadowRootsAt = -Infinity;

    const collectShadowRoots = (root, found) => {
      for (const el of root.querySelectorAll("*")) {
        if (el.shadowRoot) {
          found.push(el.shadowRoot);
          collectShadowRoots(el.shadowRoot, found);
        }
      }
      return found;
    };

    const roots = (fresh) => {
      const now = performance.now();
      if (fresh || now - shadowRootsAt > (shadowRoots.length ? SHADOWS_MS : NO_SHADOWS_MS)) {
        shadowRoots = collectShadowRoots(document, []);
        shadowRootsAt = now;
        onRoots();
      }
      return [document, ...shadowRoots];
    };

    // A page without any shadow root, as most are, is not walked through for each question.
    const shadowRootsIn = (el) => {
      if (!el.shadowRoot && roots(false).length === 1) return [];
      const own = el.shadowRoot ? collectShadowRoots(el.shadowRoot, [el.shadowRoot]) : [];
      return collectShadowRoots(el, own);
    };

    const deepAll = (css, within) => {
      if (within) {
        return [within, ...shadowRootsIn(within)].flatMap((root) => [...root.querySelectorAll(css)]);
      }
      return roots(false).flatMap((root) => [...root.querySelectorAll(css)]);
    };

    const isVisible = (el) => {
      if (!el.isConnected || !el.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: false })) return false;
      if (getComputedStyle(el).display === "contents") return [...el.children].some(isVisible);
      const box = el.getBoundingClientRect();
      return box.width > 1 && box.height > 1;
    };

    // Text in the order in which it is drawn, through open shadow roots and their slots.
    const drawnNodes = (node) => {
      if (node.shadowRoot) return node.shadowRoot.childNodes;
      const assigned = node.localName === "slot" ? node.assignedNodes() : [];
      return assigned.length ? assigned : node.childNodes;
    };

    const isComposed = (node) => node.localName === "slot" || shadowRootsIn(node).length > 0 || node.querySelector("slot") !== null;

    const textOf = (node) => {
      if (node.nodeType === Node.TEXT_NODE) return node.data;
      if (node.nodeType !== Node.ELEMENT_NODE || NO_TEXT.has(node.localName)) return "";
      if (!isComposed(node)) return node.textContent;
      return [...drawnNodes(node)].map(textOf).join(" ");
    };

    const shownText = (node) => {
      if (node.nodeType === Node.TEXT_NODE) return node.data;
      if (node.nodeType !== Node.ELEMENT_NODE || NO_TEXT.has(node.localName)) return "";
      const display = getComputedStyle(node).display;
      if (display === "none") return "";
      const text = isComposed(node) ? [...drawnNodes(node)].map(shownText).join("") : node.innerText;
      return display.startsWith("inline") || display === "contents" ? text : `\n${text}\n`;
    };

    const labelOf = (el) => {
      const text = el.getAttribute("aria-label") || (isComposed(el) ? shownText(el) : el.innerText) || el.value || "";
      return text.trim().toLowerCase();
    };

    const says = (el, texts) => texts.length === 0 || texts.some((t) => labelOf(el).startsWith(t.toLowerCase()));

    // What a selector asks of an element beside its CSS; what is inside is looked for through open shadow roots.
    const fits = (el, { text, has, not }) => says(el, text) && (!has || holds(el, has)) && (!not || !holds(el, not));
    const holds = (el, inner) => deepAll(inner.css, el).some((found) => fits(found, inner));

    const isEnabled = (el) => !el.disabled && !el.readOnly && el.getAttribute("aria-disabled") !== "true"
      && el.getAttribute("contenteditable") !== "false" && !el.closest("fieldset:disabled, [inert]");

    // First selector with a visible match wins.
    const find = (role, { visible = true } = {}) => {
      for (const selector of profile[role] || []) {
        for (const el of deepAll(selector.css)) if ((!visible || isVisible(el)) && fits(el, selector)) return el;
      }
      return null;
    };

    const findVisible = (role) => {
      for (const selector of profile[role] || []) {
        const found = deepAll(selector.css).filter((el) => isVisible(el) && fits(el, selector));
        if (found.length) return found;
      }
      return [];
    };

    const findAll = (role, within) => {
      for (const selector of profile[role] || []) {
        const found = deepAll(selector.css, within).filter((el) => fits(el, selector));
        if (found.length) return outermost(found);
      }
      return [];
    };

    const parentOf = (node) => node.parentNode || (node instanceof ShadowRoot ? node.host : null);

    const outermost = (elements) => {
      const all = new Set(elements);
      return elements.filter((el) => {
        for (let p = parentOf(el); p; p = parentOf(p)) if (all.has(p)) return false;
        return true;
      });
    };

    const textLength = (el) => {
      let length = el.textContent.length;
      for (const root of shadowRootsIn(el)) length += root.textContent.length;
      return length;
    };

    const lettersIn = (turns) => turns.reduce((sum, el) => sum + textLength(el), 0);

    const deepElementFromPoint = (x, y) => {
      let el = document.elementFromPoint(x, y);
      while (el && el.shadowRoot) {
        const inner = el.shadowRoot.elementFromPoint(x, y);
        if (!inner || inner === el) break;
        el = inner;
      }
      return el;
    };

    const contains = (outer, inner) => {
      for (let p = inner; p; p = parentOf(p)) if (p === outer) return true;
      return false;
    };

    // What each role of the profile matches now. A field's label stands for it, never what was entered.
    const roles = () => {
      const isRole = ([, selectors]) => Array.isArray(selectors) && selectors.some((s) => s.css);
      return Object.fromEntries(Object.entries(profile).filter(isRole).map(([role]) => [role, summaryOf(elementsOf(role))]));
    };
    const elementsOf = (role) => (IN_ANSWER.has(role) ? findAll("assistant_turn").flatMap((el) => findAll(role, el)) : findAll(role));
    const summaryOf = (found) => {
      const visible = found.filter(isVisible);
      const [first] = [...visible, ...found];
      return { count: found.length, visible: visible.length, text: first ? describe(first) : "" };
    };
    const describe = (el) => {
      const isField = "value" in el || el.isContentEditable;
      const text = el.getAttribute("aria-label") || (isField ? el.getAttribute("placeholder") || "" : shownText(el));
      return text.replace(/\s+/g, " ").trim().slice(0, LABEL_CHARACTERS);
    };

    return {
      roots, deepAll, find, findAll, findVisible, fits, isVisible, isEnabled, contains, roles, elementsOf, parentOf, textOf, lettersIn,
      elementAt: deepElementFromPoint,
    };
  };
})()
