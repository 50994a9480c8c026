// What a chat page announces while a turn runs: error elements and toasts that may be gone before anybody looks again.
//
// Evaluates to a factory: (profile, {roots, deepAll, findAll, isVisible}) => {listen}.
(() => {
  "use strict";

  // Nobody reads what is gone sooner; a page that changes with each token is not laid out for each.
  const LOOK_MS = 40;
  const MOST_CHARACTERS = 500;
  // Where pages announce things, by the markup for assistive technology and by the usual names.
  const ANNOUNCES = '[role="alert"], [role="alertdialog"], [aria-live="assertive"], [class*="toast" i], [class*="snackbar" i]';
  const RETRIES = /^(retry|try again)\b/i;

  return (profile, { roots, deepAll, findAll, isVisible }) => {
    const wordsOf = (el) => (el.innerText || el.textContent || "").trim().slice(0, MOST_CHARACTERS);

    const wordsIn = (elements) => elements.filter(isVisible).map(wordsOf).filter(Boolean);

    const errors = () => ((profile.error || []).length ? wordsIn(findAll("error")) : []);

    // Whether a control in these turns offers to try again.
    const hasRetry = (turns) => turns.some((turn) => deepAll("button, [role='button'], a", turn)
      .some((el) => isVisible(el) && RETRIES.test((el.getAttribute("aria-label") || el.innerText || "").trim())));

    // Tells what is announced from here on, each words once: {said: [words of error elements], noticed: [other words]}.
    const listen = (tell, turns) => {
      const known = new Set([...errors(), ...wordsIn(deepAll(ANNOUNCES))]);
      let lookedAt = -Infinity;
      let timer = null;
      const newOf = (words) => {
        const found = words.filter((one) => !known.has(one));
        found.forEach((one) => known.add(one));
        return found;
      };
      const look = () => {
        lookedAt = performance.now();
        clearTimeout(timer);
        timer = null;
        const said = newOf(errors());
        const ours = turns();
        const noticed = newOf(wordsIn(deepAll(ANNOUNCES).filter((el) => !ours.some((turn) => turn.contains(el)))));
        if (said.length || noticed.length) tell({ said, noticed });
      };
      const observer = new MutationObserver(() => {
        if (timer !== null) return;
        const waitMs = lookedAt + LOOK_MS - performance.now();
        if (waitMs <= 0) look();
        else timer = setTimeout(look, waitMs);
      });
      for (const root of roots(false)) observer.observe(root, { subtree: true, childList: true });
      return {
        look,
        end: () => {
          observer.disconnect();
          clearTimeout(timer);
        },
      };
    };

    return { listen, hasRetry };
  };
})()
