// Reads what the turns of an answer hold: text and reasoning as Markdown, sources, and the words of an error.
//
// Evaluates to a factory: (profile, {findAll, findVisible, deepAll, fits, isVisible, isEnabled, contains, textOf}) => functions of the agent in the page.
(() => {
  "use strict";

  // Narrower boxes side by side are pieces of a line.
  const COLUMN_PX = 40;

  return (profile, { findAll, findVisible, deepAll, fits, isVisible, isEnabled, contains, textOf }) => {
    // Several bodies or thoughts are read as one text, parted by blank lines; the last one alone may still change.
    const joined = (pieces) => {
      const shown = pieces.filter((p) => p.text);
      const text = shown.map((p) => p.text).join("\n\n");
      const last = shown.at(-1);
      return { text, stable: last ? text.length - last.text.length + last.stable : 0 };
    };

    // Answers in columns are alternatives to choose from, not parts of one: the first in reading order is the answer, also
    // while nothing stands in it yet. Of tabs, the one that shows.
    const withoutAlternatives = (elements) => {
      if (elements.length < 2) return elements;
      const drawn = elements.filter((el) => el.checkVisibility());
      const shown = drawn.length ? drawn : elements;
      const boxes = new Map(shown.map((el) => [el, el.getBoundingClientRect()]));
      const isBefore = (a, b) => (getComputedStyle(a).direction === "rtl" ? boxes.get(a).left >= boxes.get(b).right - 2 : boxes.get(a).right <= boxes.get(b).left + 2);
      return shown.filter((el) => !shown.some((other) => other !== el && isBefore(other, el) && isLevel(boxes.get(other), boxes.get(el))));
    };
    const isLevel = (a, b) => {
      const shared = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      return Math.min(a.width, b.width) >= COLUMN_PX && shared >= 0 && shared >= Math.min(a.height, b.height) / 2;
    };

    // The elements that hold the answer of these turns.
    const bodiesIn = (turns) => withoutAlternatives(turns)
      .flatMap((turn) => ((profile.answer || []).length ? withoutAlternatives(findAll("answer", turn)) : [turn]));

    const serialize = (turns, beside = []) => {
      const options = { exclude: profile.exclude_css, thinking: profile.thinking_css, cursor: profile.cursor };
      const bodies = [];
      const thoughts = [];
      const think = (el) => {
        const got = parleyDomToMarkdown(el, { ...options, thinking: [] });
        thoughts.push({ text: got.markdown, stable: got.stable });
      };
      const read = (el) => {
        const got = parleyDomToMarkdown(el, options);
        thoughts.push({ text: got.thinking, stable: got.thinkingStable });
        bodies.push({ text: got.markdown, stable: got.stable });
      };
      for (const turn of withoutAlternatives(turns)) {
        const roots = bodiesIn([turn]);
        if ((profile.answer || []).length) findAll("thinking", turn).filter((el) => !roots.some((root) => root.contains(el))).forEach(think);
        roots.forEach(read);
      }
      beside.forEach(read);
      return { body: joined(bodies), thought: joined(thoughts) };
    };

    // -- beside the chat: a panel belongs to this turn if it appears or changes in it

    const noteBeside = () => ({ before: new Map(besideNow().map((el) => [el, textOf(el)])), own: new Set() });
    const besideNow = () => findAll("answer_beside").filter(isVisible);
    const besideOf = (note, turns) => {
      if (!(profile.answer_beside || []).length || !turns.length) return [];
      const now = besideNow().filter((el) => !turns.some((turn) => contains(turn, el)));
      for (const el of now) if (note.before.get(el) !== textOf(el)) note.own.add(el);
      return now.filter((el) => note.own.has(el));
    };

    // The control that has a truncated answer go on: in one of these turns, or in none at all.
    const continueControl = (turns) => {
      const others = findAll("assistant_turn").filter((el) => !turns.includes(el));
      const found = findVisible("continue").filter((el) => isEnabled(el) && !others.some((other) => contains(other, el)));
      return found.find((el) => turns.some((turn) => contains(turn, el))) || found.at(-1) || null;
    };

    const errorText = () => {
      for (const selector of profile.error || []) {
        for (const el of deepAll(selector.css)) {
          if (isVisible(el) && fits(el, selector)) {
            const words = (el.innerText || el.textContent || "").trim();
            if (words) return words.slice(0, 500);
          }
        }
      }
      return null;
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

    return { serialize, bodiesIn, noteBeside, besideOf, continueControl, errorText, isBusy, closedThought, sourcesIn };
  };
})()
