// Our eyes on a chat page: finds what the profile names, reads turns, and watches them change.
//
// Evaluated in an isolated world of the frame that holds the chat; it shares the page's DOM and nothing else.
// It only reads, focuses and fills the prompt field: clicks and keys come from the browser's own input events, so
// that the page sees a person's events. Evaluates to a factory: (profile, push) => agent. Everything that crosses to
// Python is JSON.
(() => {
  "use strict";
  const ID_ATTRIBUTES = ["data-message-id", "data-turn-id", "data-id", "data-step-id", "data-virtual-list-item-key", "data-index", "id"];
  const CHECK_MS = 100;
  // Beside a decoder the page is only a witness, and looking makes it lay itself out.
  const WITNESS_MS = 250;
  const POLL_MS = 50;
  const ALIVE_MS = 1000;

  return (profile, push) => {
    let shadowRoots = [];
    let shadowRootsAt = -Infinity;
    const matched = {};

    // -- finding ------------------------------------------------------------------------------------------------

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
        if (turn) turn.observeRoots();
      }
      return [document, ...shadowRoots];
    };

    const deepAll = (css, within) => {
      if (within) {
        const inner = collectShadowRoots(within, within.shadowRoot ? [within.shadowRoot] : []);
        return [within, ...inner].flatMap((root) => [...root.querySelectorAll(css)]);
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

    // First selector with a visible match wins; which one it was is recorded, so that drift shows before it breaks.
    const find = (role, { visible = true } = {}) => {
      const selectors = profile[role] || [];
      for (let i = 0; i < selectors.length; i++) {
        for (const el of deepAll(selectors[i].css)) {
          if ((!visible || isVisible(el)) && says(el, selectors[i].text)) {
            matched[role] = i;
            return el;
          }
        }
      }
      return null;
    };

    const findAll = (role, within) => {
      const selectors = profile[role] || [];
      for (let i = 0; i < selectors.length; i++) {
        const found = deepAll(selectors[i].css, within).filter((el) => says(el, selectors[i].text));
        if (found.length) {
          matched[role] = i;
          return outermost(found);
        }
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

    // -- turns --------------------------------------------------------------------------------------------------

    const keysOf = (elements) => {
      const seen = new Map();
      return elements.map((el) => {
        for (const name of ID_ATTRIBUTES) {
          const holder = el.hasAttribute(name) ? el : null;
          if (holder) return `${name}=${holder.getAttribute(name)}`;
        }
        // No id of its own: its text and which one of its like it is. Users repeat themselves.
        const text = el.textContent;
        const nth = (seen.get(text) || 0) + 1;
        seen.set(text, nth);
        return `text=${text}#${nth}`;
      });
    };

    const follows = (a, b) => {
      const common = a.getRootNode() === b.getRootNode() ? a : a.getRootNode().host || a;
      return Boolean(common.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING);
    };

    // The assistant's turns that answer the user turn which appeared since `before` was noted.
    const answerOf = (before) => {
      const users = findAll("user_turn");
      const userKeys = keysOf(users);
      let asked = null;
      for (let i = users.length - 1; i >= 0 && !asked; i--) if (!before.users.has(userKeys[i])) asked = users[i];
      const assistants = findAll("assistant_turn");
      if (asked) return { asked: true, turns: assistants.filter((el) => follows(asked, el) && !asked.contains(el)) };
      if ((profile.user_turn || []).length) return { asked: false, turns: [] };
      const keys = keysOf(assistants);
      return { asked: false, turns: assistants.filter((_, i) => !before.assistants.has(keys[i])) };
    };

    // Several bodies or thoughts are read as one text, parted by blank lines; the last one alone may still change.
    const joined = (pieces) => {
      const shown = pieces.filter((p) => p.text);
      const text = shown.map((p) => p.text).join("\n\n");
      const last = shown.at(-1);
      return { text, stable: last ? text.length - last.text.length + last.stable : 0 };
    };

    const serialize = (turns) => {
      const options = { exclude: profile.exclude_css, thinking: profile.thinking_css, cursor: profile.cursor };
      const bodies = [];
      const thoughts = [];
      const think = (el) => {
        const got = parleyDomToMarkdown(el, { ...options, thinking: [] });
        thoughts.push({ text: got.markdown, stable: got.stable });
      };
      for (const turn of turns) {
        const named = (profile.answer || []).length > 0;
        const roots = named ? findAll("answer", turn) : [turn];
        if (named) findAll("thinking", turn).filter((el) => !roots.some((root) => root.contains(el))).forEach(think);
        for (const root of roots) {
          const got = parleyDomToMarkdown(root, options);
          thoughts.push({ text: got.thinking, stable: got.thinkingStable });
          bodies.push({ text: got.markdown, stable: got.stable });
        }
      }
      return { body: joined(bodies), thought: joined(thoughts) };
    };

    const errorText = () => {
      for (const { css, text } of profile.error || []) {
        for (const el of deepAll(css)) {
          if (isVisible(el) && says(el, text)) {
            const words = (el.innerText || el.textContent || "").trim();
            if (words) return words.slice(0, 500);
          }
        }
      }
      return null;
    };

    const lettersIn = (turns) => turns.reduce((sum, el) => sum + textLength(el), 0);
    const textLength = (el) => {
      let length = el.textContent.length;
      for (const root of collectShadowRoots(el, el.shadowRoot ? [el.shadowRoot] : [])) length += root.textContent.length;
      return length;
    };

    // -- watching one turn --------------------------------------------------------------------------------------

    let turn = null;

    const makeTurn = (mode) => {
      const before = { users: new Set(keysOf(findAll("user_turn"))), assistants: new Set(keysOf(findAll("assistant_turn"))) };
      const errorBefore = errorText();
      const observed = new WeakSet();
      let pushed = "";
      let thinkingPushed = "";
      let lastSample = "";
      let lastAt = 0;
      let dirty = true;
      let chars = 0;

      const observer = new MutationObserver(() => {
        dirty = true;
        self.report();
      });

      const self = {
        mode,
        // Only a reader needs each change at once; a witness looks now and then, which costs the page less.
        observeRoots: () => {
          if (self.mode !== "read") return;
          for (const root of [document, ...shadowRoots]) {
            if (observed.has(root)) continue;
            observed.add(root);
            observer.observe(root, { subtree: true, childList: true, characterData: true });
          }
        },
        sample: () => {
          const { asked, turns } = answerOf(before);
          if (dirty || self.mode !== "read") chars = lettersIn(turns);
          const error = errorText();
          const input = find("input");
          return {
            turns,
            facts: {
              asked, chars, answered: turns.length > 0,
              stop: (profile.stop || []).length ? Boolean(find("stop")) : null,
              finished: (profile.finished || []).length ? turns.some((t) => findAll("finished", t).some(isVisible)) : null,
              ready: Boolean(input && isEnabled(input)),
              empty: input ? readField(input).trim() === "" : null,
              error: error === errorBefore ? null : error,
              signed_out: Boolean(find("signed_out")),
              url: location.href,
            },
          };
        },
        report: () => {
          const now = performance.now();
          const { turns, facts } = self.sample();
          const message = { kind: "sample", ...facts };
          if (self.mode === "read" && dirty) {
            const { body, thought } = serialize(turns);
            const markdown = body.text;
            let keep = 0;
            const most = Math.min(pushed.length, markdown.length);
            while (keep < most && pushed.charCodeAt(keep) === markdown.charCodeAt(keep)) keep++;
            // Never between the halves of a surrogate pair: each half alone is not a character.
            if (keep > 0 && (markdown.charCodeAt(keep - 1) & 0xfc00) === 0xd800) keep--;
            message.text = { keep, tail: markdown.slice(keep), stable: body.stable };
            if (thought.text !== thinkingPushed) {
              message.thinking = thought.text;
              message.thinking_stable = thought.stable;
            }
            pushed = markdown;
            thinkingPushed = thought.text;
          }
          dirty = false;
          const key = JSON.stringify(message);
          if (key === lastSample && now - lastAt < ALIVE_MS) return;
          lastSample = key;
          lastAt = now;
          push(key);
        },
        read: () => {
          const { body, thought } = serialize(answerOf(before).turns);
          return { markdown: body.text, thinking: thought.text };
        },
        setMode: (next) => {
          self.mode = next;
          dirty = true;
          self.observeRoots();
          clearInterval(timer);
          timer = setInterval(() => self.report(), CHECK_MS);
          self.report();
        },
        end: () => { observer.disconnect(); clearInterval(timer); },
      };
      // Completion needs samples also while nothing changes; a timer in the page costs no round trip.
      let timer = setInterval(() => self.report(), mode === "read" ? CHECK_MS : WITNESS_MS);
      return self;
    };

    // -- the prompt field ---------------------------------------------------------------------------------------

    const readField = (el) => {
      if ("value" in el && (el instanceof HTMLTextAreaElement || el instanceof HTMLInputElement)) return el.value;
      // Such a page reads its field as innerText itself; so must we.
      if (profile.input_entry === "set_text") return el.innerText.replace(/\n$/, "");
      return editableText(el);
    };

    // A contenteditable's text as the person sees it: blocks and <br> are line ends. A last <br> of a block only holds it open.
    const BLOCK = new Set(["P", "DIV", "LI", "PRE", "BLOCKQUOTE", "H1", "H2", "H3"]);
    const editableText = (el) => {
      const lines = [];
      let line = "";
      const flush = () => { lines.push(line); line = ""; };
      const walk = (node) => {
        for (const child of node.childNodes) {
          if (child.nodeType === Node.TEXT_NODE) {
            const pieces = child.data.replace(/\u200b|\ufeff/g, "").split("\n");
            line += pieces[0];
            for (const piece of pieces.slice(1)) { flush(); line = piece; }
          } else if (child.nodeName === "BR") {
            if (child.nextSibling || !BLOCK.has(node.nodeName)) flush();
          } else if (child.nodeType === Node.ELEMENT_NODE) {
            const block = BLOCK.has(child.nodeName);
            if (block && (line !== "" || child.previousSibling?.nodeType === Node.TEXT_NODE)) flush();
            walk(child);
            if (block && child.nextSibling) flush();
          }
        }
      };
      walk(el);
      flush();
      // An empty editor is one empty paragraph, often with a <br> of its own.
      return lines.join("\n").replace(/\u00a0/g, " ").replace(/\n$/, "");
    };

    const kindOf = (el) => {
      if (el instanceof HTMLTextAreaElement) return "textarea";
      if (el instanceof HTMLInputElement) return "line";
      return "editable";
    };

    const selectAll = (el) => {
      if (typeof el.select === "function") return el.select();
      const selection = (el.getRootNode().getSelection ? el.getRootNode() : document).getSelection();
      const range = document.createRange();
      range.selectNodeContents(el);
      selection.removeAllRanges();
      selection.addRange(range);
      return undefined;
    };

    const describe = (el) => ({ kind: kindOf(el), text: readField(el), enabled: isEnabled(el), max: el.maxLength > 0 ? el.maxLength : null });

    // -- where to click -----------------------------------------------------------------------------------------

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

    const pointOf = (el) => {
      let box = el.getBoundingClientRect();
      if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) {
        el.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
        box = el.getBoundingClientRect();
      }
      const x = box.left + box.width / 2;
      const y = box.top + box.height / 2;
      const top = deepElementFromPoint(x, y);
      const clear = Boolean(top && (contains(el, top) || contains(top, el)));
      return { x, y, clear, enabled: isEnabled(el), covered_by: clear || !top ? null : top.tagName.toLowerCase() };
    };

    const isMet = (want) => Object.entries(want).every(([role, value]) => {
      if (role === "no_turns") return (findAll("user_turn").length + findAll("assistant_turn").length === 0) === value;
      if (role === "send_enabled") { const el = find("send"); return Boolean(el && isEnabled(el)) === value; }
      if (role.startsWith("clear:")) { const el = find(role.slice(6)); return Boolean(el && pointOf(el).clear) === value; }
      if (role === "input_ready") { const el = find("input"); return Boolean(el && isEnabled(el)) === value; }
      return Boolean(find(role)) === value;
    });

    const agent = {
      matched: () => matched,
      look: (names) => Object.fromEntries(names.map((name) => [name, Boolean(find(name))])),
      error: () => errorText(),
      labels: (role) => (find(role)?.innerText || "").trim().slice(0, 500),
      point: (role) => { const el = find(role); return el && pointOf(el); },
      field: (role) => { const el = find(role); return el && describe(el); },
      focus: (role) => {
        const el = find(role);
        if (!el) return null;
        el.focus();
        selectAll(el);
        return describe(el);
      },
      // React and its like watch the element's own setter; the prototype's setter and an input event is what they hear.
      assign: (role, text) => {
        const el = find(role);
        if (!el) return null;
        el.focus();
        Object.getOwnPropertyDescriptor(Object.getPrototypeOf(el), "value").set.call(el, text);
        el.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertFromPaste" }));
        return describe(el);
      },
      setText: (role, text) => {
        const el = find(role);
        if (!el) return null;
        el.focus();
        el.style.whiteSpace = "pre-wrap";
        el.textContent = text;
        el.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertText" }));
        return describe(el);
      },
      pasteHtml: (role, text) => {
        const el = find(role);
        if (!el) return null;
        el.focus();
        selectAll(el);
        const data = new DataTransfer();
        const escape = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
        data.setData("text/plain", text);
        data.setData("text/html", text.split("\n").map((l) => `<p>${escape(l) || "<br>"}</p>`).join(""));
        el.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true, composed: true }));
        return describe(el);
      },
      // Resolves as soon as every wanted fact holds; the caller bounds the wait.
      until: (want, ms) => new Promise((resolve) => {
        if (isMet(want)) { resolve(true); return; }
        const deadline = performance.now() + ms;
        const timer = setInterval(() => {
          if (isMet(want)) { clearInterval(timer); resolve(true); }
          else if (performance.now() > deadline) { clearInterval(timer); resolve(false); }
        }, POLL_MS);
      }),
      // Which of several outcomes comes first: [{name: {role: bool}}, …].
      first: (outcomes, ms) => new Promise((resolve) => {
        const check = () => Object.keys(outcomes).find((name) => isMet(outcomes[name]));
        const now = check();
        if (now) { resolve(now); return; }
        const deadline = performance.now() + ms;
        const timer = setInterval(() => {
          const name = check();
          if (name || performance.now() > deadline) { clearInterval(timer); resolve(name || null); }
        }, POLL_MS);
      }),
      beginTurn: (mode) => {
        turn?.end();
        roots(true);
        turn = makeTurn(mode);
        turn.observeRoots();
        turn.report();
        return true;
      },
      setMode: (mode) => { turn?.setMode(mode); return true; },
      readTurn: () => turn?.read() ?? null,
      hasTurn: () => turn !== null,
      endTurn: () => { turn?.end(); turn = null; return true; },
    };
    return agent;
  };
})()
