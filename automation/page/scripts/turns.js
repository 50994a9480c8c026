// Tells which turns of a chat page belong to the prompt that was sent, and what its last turn is.
//
// Evaluates to a factory: (profile, {findAll, textOf}) => functions of the agent in the page.
(() => {
  "use strict";

  const ID_ATTRIBUTES = ["data-message-id", "data-turn-id", "data-id", "data-step-id", "data-virtual-list-item-key", "data-index", "id"];

  return (profile, { findAll, textOf }) => {
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

    // What stands on the page before a prompt is sent.
    const noteTurns = () => ({ users: new Set(keysOf(findAll("user_turn"))), assistants: new Set(keysOf(findAll("assistant_turn"))) });

    // The last prompt that the page shows, and whether an answer stands after it: by this a chat is known again.
    const lastAsked = () => {
      const asked = findAll("user_turn").at(-1);
      const answers = findAll("assistant_turn");
      return { text: asked ? textOf(asked).slice(0, 4000) : null, answered: answers.some((el) => !asked || follows(asked, el)) };
    };

    return { noteTurns, answerOf, lastAsked };
  };
})()
