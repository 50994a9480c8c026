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
  const REREAD_MS = 1000;
  const SAME = JSON.stringify({ kind: "sample" });

  return (profile, push) => {
    let shadowRoots = [];
    let shadowRootsAt = -Infinity;

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

    const promptField = parleyPromptField({ find, isEnabled });

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
      for (const root of shadowRootsIn(el)) length += root.textContent.length;
      return length;
    };

    const textOf = (el) => [el, ...collectShadowRoots(el, el.shadowRoot ? [el.shadowRoot] : [])].map((root) => root.textContent).join("");

    // The last prompt that the page shows, and whether an answer stands after it: by this a chat is known again.
    const lastAsked = () => {
      const asked = findAll("user_turn").at(-1);
      const answers = findAll("assistant_turn");
      return { text: asked ? textOf(asked).slice(0, 4000) : null, answered: answers.some((el) => !asked || follows(asked, el)) };
    };

    // Marked as being worked on: for assistive technology, or by the cursor at its end.
    const isBusy = (el) => Boolean(el.closest("[aria-busy='true']") || el.querySelector("[aria-busy='true']")
      || (profile.cursor && el.textContent.trimEnd().endsWith(profile.cursor)));

    // The control of a thinking block that is closed and whose text is not in the page, or null.
    const closedThought = (turns) => {
      for (const el of turns.flatMap((t) => findAll("thinking_toggle", t))) {
        if (el.getAttribute("aria-expanded") === "true" || el.closest("details[open]") || !isVisible(el)) continue;
        const block = profile.thinking_css.map((css) => el.closest(css)).find(Boolean);
        const length = block ? block.textContent.trim().length - el.textContent.trim().length : 0;
        if (length <= 0) return el;
      }
      return null;
    };

    const sourcesIn = (turns) => {
      const found = new Map();
      for (const el of turns.flatMap((t) => findAll("sources", t))) {
        const link = el.closest("a[href]") || el.querySelector("a[href]");
        const url = link ? link.href : absolute(el.getAttribute("data-url") || el.getAttribute("data-href"));
        if (/^https?:/.test(url) && !found.has(url)) found.set(url, titleOf(link || el, el, url));
      }
      return [...found].map(([url, title]) => ({ url, title }));
    };

    const absolute = (address) => (address && URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI).href : "");

    // The number of a citation is no title.
    const titleOf = (link, card, url) => {
      const labels = [link.getAttribute("title"), link.getAttribute("aria-label"), link.innerText, card.innerText];
      const lines = labels.map((label) => (label || "").trim().split("\n")[0].trim().slice(0, 300));
      return lines.find((line) => /\p{L}/u.test(line)) || new URL(url).hostname;
    };

    // -- watching one turn --------------------------------------------------------------------------------------

    let turn = null;

    const makeTurn = (mode) => {
      const before = { users: new Set(keysOf(findAll("user_turn"))), assistants: new Set(keysOf(findAll("assistant_turn"))) };
      const errorBefore = errorText();
      const observed = new WeakSet();
      const pushed = { text: "", thinking: "", sources: "" };
      let stable = "";
      let lastLook = "";
      let mayReadAt = 0;
      let mustReadAt = 0;
      let dirty = true;

      // Between two looks at the controls only the text is read, and no more often than the page can afford.
      const observer = new MutationObserver(() => {
        dirty = true;
        if (performance.now() < mayReadAt) return;
        const { asked, turns } = answerOf(before);
        const message = self.changes(turns);
        if (message) push(JSON.stringify({ kind: "sample", is_text_only: true, asked, chars: lettersIn(turns), ...message }));
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
        turns: () => answerOf(before).turns,
        // What of the answer is new since it was last pushed, or null. Attributes are not observed, so that now and
        // then all of it is read anew.
        changes: (turns) => {
          const startedAt = performance.now();
          if (self.mode !== "read" || !(dirty || startedAt > mustReadAt)) return null;
          dirty = false;
          const { body, thought } = serialize(turns);
          const message = {};
          const stableNow = `${body.stable} ${thought.stable}`;
          if (body.text !== pushed.text || stableNow !== stable) message.text = patchOf("text", body);
          if (thought.text !== pushed.thinking || stableNow !== stable) message.thinking = patchOf("thinking", thought);
          stable = stableNow;
          const now = performance.now();
          mayReadAt = now + 2 * (now - startedAt);
          mustReadAt = now + REREAD_MS;
          return message.text || message.thinking ? message : null;
        },
        sample: () => {
          const { asked, turns } = answerOf(before);
          const error = errorText();
          const input = find("input");
          const facts = {
            asked, chars: lettersIn(turns), answered: turns.length > 0,
            stop: (profile.stop || []).length ? Boolean(find("stop")) : null,
            finished: (profile.finished || []).length ? turns.some((t) => findAll("finished", t).some(isVisible)) : null,
            ready: Boolean(input && isEnabled(input)),
            busy: turns.some(isBusy),
            error: error === errorBefore ? null : error,
            signed_out: Boolean(find("signed_out")),
            captcha: !turns.length && Boolean(find("captcha")),
            url: location.href,
            ...self.changes(turns),
          };
          if (self.mode === "read") {
            facts.thinking_closed = Boolean(closedThought(turns));
            const sources = sourcesIn(turns);
            const key = JSON.stringify(sources);
            if (key !== pushed.sources) facts.sources = sources;
            pushed.sources = key;
          }
          return facts;
        },
        // Each look is told, also when nothing changed: a page that hangs shows the same, and proves nothing.
        report: () => {
          const look = JSON.stringify({ kind: "sample", ...self.sample() });
          push(look === lastLook ? SAME : look);
          lastLook = look;
        },
        read: () => {
          const turns = self.turns();
          const { body, thought } = serialize(turns);
          return { markdown: body.text, thinking: thought.text, sources: sourcesIn(turns) };
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

      const patchOf = (name, { text, stable: settled }) => {
        const old = pushed[name];
        const most = Math.min(old.length, text.length);
        let keep = 0;
        while (keep < most && old.charCodeAt(keep) === text.charCodeAt(keep)) keep++;
        // Never between the halves of a surrogate pair: each half alone is not a character.
        if (keep > 0 && (text.charCodeAt(keep - 1) & 0xfc00) === 0xd800) keep--;
        pushed[name] = text;
        return { keep, tail: text.slice(keep), stable: settled };
      };

      // Completion needs samples also while nothing changes; a timer in the page costs no round trip.
      let timer = setInterval(() => self.report(), mode === "read" ? CHECK_MS : WITNESS_MS);
      return self;
    };

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
      // The middle of what is in view: beside a field that grew with a long prompt, a button can be many screens high.
      const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
      const [above, below] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
      const [x, y] = [(left + right) / 2, (above + below) / 2];
      const top = deepElementFromPoint(x, y);
      const clear = Boolean(top && (contains(el, top) || contains(top, el)));
      const size = { width: right - left, height: below - above };
      return { x, y, ...size, clear, enabled: isEnabled(el), covered_by: clear || !top ? null : top.tagName.toLowerCase() };
    };

    // Clear, and neither it nor what holds it is being animated: a click on what is coming up may go astray.
    const isStill = (role) => {
      const el = find(role);
      if (!el || !pointOf(el).clear) return false;
      for (let p = el; p; p = parentOf(p)) if (p instanceof Element && p.getAnimations().some(comesToAnEnd)) return false;
      return true;
    };
    const comesToAnEnd = (animation) => animation.playState === "running" && animation.effect?.getComputedTiming().endTime !== Infinity;

    const isMet = (want) => Object.entries(want).every(([role, value]) => {
      if (role === "no_turns") return (findAll("user_turn").length + findAll("assistant_turn").length === 0) === value;
      if (role === "send_enabled") { const el = find("send"); return Boolean(el && isEnabled(el)) === value; }
      if (role === "thought_shows") return Boolean(turn?.read().thinking) === value;
      if (role.startsWith("still:")) return isStill(role.slice(6)) === value;
      if (role.startsWith("clear:")) { const el = find(role.slice(6)); return Boolean(el && pointOf(el).clear) === value; }
      if (role === "input_ready") { const el = find("input"); return Boolean(el && isEnabled(el)) === value; }
      return Boolean(find(role)) === value;
    });

    const endTurn = () => { turn?.end(); turn = null; return true; };

    const fileDrop = parleyFileDrop(profile, { find, deepAll, isVisible, isEnabled, says, elementAt: deepElementFromPoint, errorText });

    const agent = {
      look: (names) => Object.fromEntries(names.map((name) => [name, Boolean(find(name))])),
      error: () => errorText(),
      labels: (role) => (find(role)?.innerText || "").trim().slice(0, 500),
      point: (role) => {
        const el = role === "thinking_toggle" ? turn && closedThought(turn.turns()) : find(role);
        return el && pointOf(el);
      },
      ...promptField,
      ...fileDrop,
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
      lastAsked,
      hasTurn: () => turn !== null,
      endTurn,
      // What a page does while nobody asks anything costs the more, the more pages there are: no look of ours goes on,
      // and the field has no caret, which would have the page painted twice a second.
      rest: () => {
        const field = find("input");
        if (field && field.matches(":focus, :focus-within")) field.getRootNode().activeElement?.blur();
        return endTurn();
      },
    };
    return agent;
  };
})()
