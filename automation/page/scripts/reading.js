// Reads what the turns of an answer hold: text and reasoning as Markdown, sources, and the words of an error.
//
// Evaluates to a factory: (profile, {findAll, deepAll, fits, isVisible}) => functions of the agent in the page.
(() => {
  "use strict";

  return (profile, { findAll, deepAll, fits, isVisible }) => {
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

    return { serialize, errorText, isBusy, closedThought, sourcesIn };
  };
})()
