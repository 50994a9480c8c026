// Finds elements of a chat page by the roles of its profile, also in open shadow roots, and tells what shows.
//
// Evaluates to a factory: (profile, onRoots) => functions of the agent in the page. `onRoots` is called when the page's
// shadow roots were looked for anew.
(() => {
  "use strict";

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
      if (fresh || now - shadowRootsAt > 500) {
        shadowRoots = collectShadowRoots(document, []);
        shadowRootsAt = now;
        onRoots();
      }
      return [document, ...shadowRoots];
    };

    // A page without any shadow root, as most are, is not walked through for each question.
    const shadowRootsIn = (el) => {
      if (!el.shadowRoot && roots(false).length === 1) return [];
      return collectShadowRoots(el, el.shadowRoot ? [el.shadowRoot] : []);
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

    const labelOf = (el) => (el.getAttribute("aria-label") || el.innerText || el.value || "").trim().toLowerCase();

    const says = (el, texts) => texts.length === 0 || texts.some((t) => labelOf(el).startsWith(t.toLowerCase()));

    const isEnabled = (el) => !el.disabled && !el.readOnly && el.getAttribute("aria-disabled") !== "true"
      && el.getAttribute("contenteditable") !== "false" && !el.closest("fieldset:disabled, [inert]");

    // First selector with a visible match wins.
    const find = (role, { visible = true } = {}) => {
      const selectors = profile[role] || [];
      for (const { css, text } of selectors) {
        for (const el of deepAll(css)) if ((!visible || isVisible(el)) && says(el, text)) return el;
      }
      return null;
    };

    const findAll = (role, within) => {
      const selectors = profile[role] || [];
      for (const { css, text } of selectors) {
        const found = deepAll(css, within).filter((el) => says(el, text));
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

    const textOf = (el) => [el, ...collectShadowRoots(el, el.shadowRoot ? [el.shadowRoot] : [])].map((root) => root.textContent).join("");
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

    return {
      roots, deepAll, find, findAll, isVisible, isEnabled, says, contains, parentOf, textOf, lettersIn,
      elementAt: deepElementFromPoint,
    };
  };
})()
