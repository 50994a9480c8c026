// The composer around the prompt: what a click on Send does to it, which menus the prompt opened, what entering it left.
//
// Evaluates to a factory: ({find, findAll, deepAll, isVisible, isEnabled, contains, field}) => {calls, facts};
// `calls` are functions of the page's agent, `field` reads the prompt field. Events are heard in the isolated world, before
// the page's own listeners at elements; one is kept from the page only where it would send another text than the prompt.
(() => {
  "use strict";

  const GESTURES = ["pointerdown", "mousedown", "click", "keydown"];
  const BUSY = "[aria-busy='true'], [role='progressbar'], progress";
  const MENU = "[role='listbox'], [role='menu'], [role='option'], [role='menuitem']";
  const MEDIA = "img, video, audio, canvas, picture, object";
  const BUTTONS = "button, [role='button']";
  const LEAST_MENU_PX = 20;
  const MOST_INSIDE = 60;

  return ({ find, findAll, deepAll, isVisible, isEnabled, contains, field }) => {
    const labelOf = (el) => (el.getAttribute("aria-label") || el.innerText || "").trim();
    const pathOf = (event) => event.composedPath().filter((node) => node instanceof Element);

    // -- a click on Send, or Enter in the field ---------------------------------------------------------------------

    let sending = null;

    const pictureOf = (el) => `${labelOf(el)}|${el.getAttribute("title") || ""}|${[...el.querySelectorAll("svg")].map((svg) => svg.innerHTML).join("")}`;
    const countBusy = () => deepAll(BUSY).filter(isVisible).length;

    const composerNow = (role) => {
      const control = find(role);
      return {
        control, input: find("input"), is_enabled: Boolean(control && isEnabled(control)), picture: control && role === "send" ? pictureOf(control) : "",
        stop: Boolean(find("stop")), busy: countBusy(), url: location.href,
      };
    };

    const isForControl = (event, control) => {
      const path = pathOf(event);
      if (path.includes(control)) return true;
      // A control that takes no pointer events, or was drawn anew, is hit by way of what holds it.
      return event.type !== "keydown" && path.length > 0 && contains(path[0], control);
    };

    const onGesture = (event) => {
      if (!sending || !event.isTrusted || (event.type === "keydown" && event.key !== "Enter")) return;
      const control = find(sending.role) || sending.before.control;
      if (!control || !isForControl(event, control)) {
        if (sending.landing === "unknown") sending.landing = "elsewhere";
        return;
      }
      // The page may send, and empty its field, at the first of these events; then the others are nobody's business.
      const isFirst = sending.landing !== "control";
      const text = sending.isGuarded ? field.standing() : null;
      const isOther = text !== null && text !== field.entered() && (isFirst || text !== "");
      if (!isOther) {
        if (event.type === "pointerdown") sending.wasPressed = true;
        if (event.type === "click") sending.wasClicked = true;
        if (sending.landing !== "blocked") sending.landing = "control";
        return;
      }
      event.stopImmediatePropagation();
      event.preventDefault();
      if (isFirst) sending.landing = "blocked";
    };
    for (const type of GESTURES) addEventListener(type, onGesture, true);

    const effectsOf = ({ role, before, landing }) => {
      // What the page never heard has no effect; the other text in the field is why it was kept from it.
      if (landing === "blocked") return [];
      const now = composerNow(role);
      const found = [];
      if (role === "send") {
        if (!now.control) found.push("control_gone");
        else if (before.is_enabled && !now.is_enabled) found.push("control_disabled");
        else if (now.picture !== before.picture) found.push("control_relabelled");
      }
      const text = field.standing();
      const input = find("input");
      if (!input) found.push("field_gone");
      else if (text === "" && field.entered()) found.push("field_emptied");
      else if (text !== null && field.entered() !== null && text !== field.entered()) found.push("field_changed");
      if (input && !isEnabled(input)) found.push("field_closed");
      if (now.stop && !before.stop) found.push("stop");
      if (now.busy > before.busy) found.push("busy");
      if (now.url !== before.url) found.push("address");
      return found;
    };

    const sendFacts = () => {
      if (!sending) return null;
      const effects = effectsOf(sending);
      // A menu that took its time may still have come over the control until then.
      if (effects.length || sending.landing === "control") stopWatching();
      return { effects, landing: wasInterrupted(sending) ? "elsewhere" : sending.landing };
    };

    // The page put another field in place of the one that was filled while the mouse was down: the click itself never came.
    const wasInterrupted = ({ landing, wasPressed, wasClicked, before }) =>
      landing === "control" && wasPressed && !wasClicked && before.input !== null && !before.input.isConnected;

    // -- menus that the prompt opened -------------------------------------------------------------------------------

    let changed = new Set();
    const observer = new MutationObserver((records) => {
      for (const { type, target, addedNodes } of records) {
        for (const node of type === "childList" ? addedNodes : [target]) if (node instanceof Element) changed.add(node);
      }
    });

    // A menu is often put into a holder of no size of its own.
    const opened = () => new Set([...changed].flatMap((el) => (el.isConnected ? [el, ...[...el.querySelectorAll("*")].slice(0, MOST_INSIDE)] : [])));

    const stopWatching = () => {
      observer.disconnect();
      changed = new Set();
    };

    const isOurs = (el, input) => contains(el, input) || contains(input, el);

    // What lies over the page, with something to choose in it.
    const isMenu = (el) => {
      if (!isVisible(el)) return false;
      if (el.matches(MENU) || el.querySelector(MENU)) return true;
      const box = el.getBoundingClientRect();
      if (!["absolute", "fixed"].includes(getComputedStyle(el).position) || box.width < LEAST_MENU_PX || box.height < LEAST_MENU_PX) return false;
      return [...el.querySelectorAll("*")].some((child) => child.textContent.trim() && isVisible(child));
    };

    const menus = () => {
      const input = find("input");
      if (!input) return 0;
      const send = find("send");
      const open = [...opened()].filter((el) => !isOurs(el, input) && !(send && isOurs(el, send)) && isMenu(el));
      const holder = input.closest("[role='combobox']") || input;
      const says = holder.getAttribute("aria-expanded") === "true" || input.hasAttribute("aria-activedescendant");
      return open.length + (says ? 1 : 0);
    };

    // -- what entering left beside the field ------------------------------------------------------------------------

    const walkTexts = function* (root, isLeftOut) {
      for (const node of root.childNodes) {
        if (node.nodeType === Node.TEXT_NODE) yield node;
        else if (node.nodeType === Node.ELEMENT_NODE && !isLeftOut.has(node) && !["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.nodeName)) {
          if (node.shadowRoot) yield* walkTexts(node.shadowRoot, isLeftOut);
          yield* walkTexts(node, isLeftOut);
        }
      }
    };

    // All that a person sees beside the field and the chat's turns, each with how often it is there.
    const besides = () => {
      const input = find("input");
      const leftOut = new Set([input, ...findAll("user_turn"), ...findAll("assistant_turn")].filter(Boolean));
      const isIn = (el) => [...leftOut].some((out) => contains(out, el));
      const found = new Map();
      const count = (what) => found.set(what, (found.get(what) || 0) + 1);
      for (const node of walkTexts(document.body, leftOut)) {
        const text = node.data.trim();
        if (text && isVisible(node.parentElement || node.getRootNode().host)) count(`text ${text.slice(0, 200)}`);
      }
      for (const el of deepAll(MEDIA)) if (isVisible(el) && !isIn(el)) count(`media ${(el.currentSrc || el.src || "").slice(0, 200)}`);
      for (const el of deepAll(BUTTONS)) if (isVisible(el) && !isIn(el)) count(`button ${labelOf(el).slice(0, 100)}`);
      for (const el of deepAll("input[type='file']")) for (const file of el.files) count(`file ${file.name} ${file.size}`);
      return found;
    };

    let before = new Map();

    const calls = {
      // The field is about to get a prompt.
      watchComposer: () => {
        sending = null;
        stopWatching();
        observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "style", "hidden", "open", "aria-hidden", "data-state"] });
        return true;
      },
      menus,
      // Notes what stands beside the field while that is empty.
      noteBesides: () => {
        before = besides();
        return true;
      },
      // Whether more stands there now, with the field empty again.
      hasTraces: () => [...besides()].some(([what, times]) => times > (before.get(what) || 0)),
      // Whether, with the prompt in the field, a file or a picture came with it, or its words stand outside as well.
      hasExtras: (text) => {
        const start = text.trim().split("\n")[0].slice(0, 40);
        return [...besides()].some(([what, times]) => times > (before.get(what) || 0)
          && (/^(?:media|file) /.test(what) || (start.length >= 20 && what.startsWith(`text ${start}`))));
      },
      // From here on a click on the control, or Enter in the field, is ours, and what happens its effect.
      watchSend: (role) => {
        sending = { role, before: composerNow(role), landing: "unknown", wasPressed: false, wasClicked: false, isGuarded: field.entered() !== null };
        return true;
      },
      sendFacts,
      // Whether the role's element has the keyboard now.
      focusControl: (role) => {
        const el = find(role);
        el?.focus();
        return Boolean(el) && el.matches(":focus, :focus-within");
      },
    };
    return { calls, sendFacts };
  };
})()
