// Finds on a chat page the question that was sent and the turns of its answer, and remembers what stood there before.
//
// Evaluates to a factory: (profile, {findAll, textOf, contains, parentOf}) => functions of the agent in the page. What is
// found is decided in turn_decision.js; here are the facts.
(() => {
  "use strict";

  const ID_ATTRIBUTES = ["data-message-id", "data-turn-id", "data-id", "data-step-id", "data-virtual-list-item-key", "data-index", "id"];
  const START_CHARACTERS = 200;
  const MOST_CHARACTERS = 200000;

  return (profile, { findAll, textOf, contains, parentOf }) => {
    const { turnOf, described, decide } = parleyTurnDecision;
    const hasUserTurns = (profile.user_turn || []).length > 0;
    const known = new WeakMap();
    // By their text, for pages that make every element anew with each token; those of the last look alone.
    let texts = new Map();
    const numbers = new WeakMap();
    let count = 0;
    // What this document has shown: on which side of older turns new ones come, and whether one element takes every answer.
    let order = null;
    let isArea = false;

    const numberOf = (el) => {
      if (!numbers.has(el)) numbers.set(el, ++count);
      return numbers.get(el);
    };

    const keyOf = (el) => {
      const name = ID_ATTRIBUTES.find((one) => el.hasAttribute(one));
      return name ? `${name}=${el.getAttribute(name)}` : null;
    };

    // Words of neighbouring elements stand apart in a question, whose words are compared.
    const spacedText = (el) => {
      const walker = document.createTreeWalker(el, NodeFilter.SHOW_TEXT);
      const pieces = [];
      while (walker.nextNode()) pieces.push(walker.currentNode.data);
      return pieces.join(" ");
    };

    const describe = (el, role) => {
      const drawn = textOf(el);
      const before = known.get(el);
      if (before && before.drawn === drawn && before.turn.role === role && before.turn.key === keyOf(el)) return before.turn;
      const text = role === "user" && drawn === el.textContent ? spacedText(el) : drawn;
      const said = texts.get(text) || described(text);
      texts.set(text, said);
      const turn = { node: numberOf(el), role, key: keyOf(el), el, text, get words() { return said.words; }, get letters() { return said.letters; } };
      known.set(el, { drawn, turn });
      return turn;
    };

    // -- order in the document, through shadow roots

    const pathOf = (el) => {
      const path = [];
      for (let node = el; node; node = parentOf(node)) path.unshift(node);
      return path;
    };

    const compare = (a, b) => {
      if (a.getRootNode() === b.getRootNode()) return a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1;
      const [one, other] = [pathOf(a), pathOf(b)];
      let i = 0;
      while (i < one.length && one[i] === other[i]) i++;
      const [x, y] = [one[i], other[i]];
      if (!x || !y) return x ? 1 : -1;
      if (x instanceof ShadowRoot || y instanceof ShadowRoot) return x instanceof ShadowRoot ? -1 : 1;
      return x.compareDocumentPosition(y) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1;
    };

    // What holds a question is an exchange: its answer is told by `answer`, and stands below the question in it.
    let listed = { users: [], found: [], elements: [] };
    const isSameList = (a, b) => a.length === b.length && a.every((el, i) => el === b[i]);

    const elementsNow = () => {
      const [users, found] = [findAll("user_turn"), findAll("assistant_turn")];
      if (!isSameList(users, listed.users) || !isSameList(found, listed.found)) listed = { users, found, elements: inOrder(users, found) };
      return listed.elements;
    };

    const inOrder = (users, found) => {
      const isIn = (outer, inner) => (outer.getRootNode() === inner.getRootNode() ? outer.contains(inner) : contains(outer, inner));
      const others = found.filter((el) => !users.some((user) => isIn(user, el)));
      const questionIn = (el) => users.findLast((user) => isIn(el, user));
      const assistants = (profile.answer || []).length ? others : others.filter((el) => !questionIn(el));
      const place = new Map(assistants.map((el) => [el, questionIn(el) || el]));
      const at = (el) => place.get(el) || el;
      const roles = [...users.map((el) => [el, "user"]), ...assistants.map((el) => [el, "assistant"])];
      return roles.sort(([a, x], [b, y]) => (at(a) === at(b) ? (x === "user" ? -1 : 1) : compare(at(a), at(b))));
    };

    const describeAll = (elements) => {
      const turns = elements.map(([el, role]) => describe(el, role));
      texts = new Map(turns.map((turn) => [turn.text, texts.get(turn.text)]).filter(([, said]) => said));
      return turns;
    };

    // -- one turn

    // `earlier`: the turns that stood in the document that this one took the place of, [{role, text}, …].
    const noteTurns = (prompt = null, earlier = null) => {
      const before = earlier ? earlier.map((turn, i) => turnOf({ ...turn, node: -1 - i })) : describeAll(elementsNow());
      const [users, assistants] = [before.filter((t) => t.role === "user"), before.filter((t) => t.role === "assistant")];
      if (assistants.length === 1 && (users.length > 1 || (!users.length && !assistants[0].letters))) isArea = true;
      const areaBefore = assistants.length === 1 ? assistants[0].text : "";
      return {
        prompt: prompt === null ? null : described(prompt),
        before, areaBefore, areaLeast: areaBefore.length, areaChanged: false,
        asked: null, bound: [], boundText: "", nodes: [], last: null,
      };
    };

    // Whether one element for every answer shows another one than before. What only got shorter may have lost a label or a
    // suggestion; what grows again after that is being written.
    const showsAnother = (note, { text }) => {
      if (text === note.areaBefore) return note.areaLeast < text.length;
      const grows = text.length > note.areaLeast;
      note.areaLeast = text.trim() ? Math.min(note.areaLeast, text.length) : 0;
      return Boolean(text.trim()) && (grows || !note.areaBefore.includes(text));
    };

    const noteChanges = (note, now) => {
      const assistants = now.filter((turn) => turn.role === "assistant");
      if (isArea && assistants.length > 1) {
        isArea = false;
        Object.assign(note, { areaChanged: false, bound: [], boundText: "" });
      }
      if (isArea && assistants.length === 1 && showsAnother(note, assistants[0])) note.areaChanged = true;
      // An element that was emptied takes another answer, however much that is like the one before.
      const emptied = new Set(assistants.filter((turn) => !turn.text.trim()).map((turn) => turn.node));
      const isEmptied = (turn) => turn.text && turn.role === "assistant" && emptied.has(turn.node);
      note.before = note.before.map((turn) => (isEmptied(turn) ? turnOf({ ...turn, text: "" }) : turn));
    };

    const isAsBefore = (note, elements) => note.last !== null && note.bound.length > 0 && (note.asked !== null || !hasUserTurns)
      && elements.length === note.nodes.length && elements.every(([el, role], i) => note.nodes[i][0] === el && note.nodes[i][1] === role);

    // The turns of the answer to the prompt that was sent since `note` was made, and whether the question was seen.
    const answerOf = (note) => {
      const elements = elementsNow();
      if (isAsBefore(note, elements)) return note.last;
      const now = describeAll(elements);
      noteChanges(note, now);
      const { asked, question, answer, order: found } = decide({ ...note, hasUserTurns, now, order, isArea });
      order = found;
      if (question !== null) note.asked = now[question].node;
      const turns = answer.map((i) => now[i].el);
      if (turns.length) {
        note.bound = answer.map((i) => now[i].node);
        note.boundText = turns[0].textContent.slice(0, START_CHARACTERS);
      }
      note.nodes = elements;
      note.last = { asked, turns };
      return note.last;
    };

    // A page whose one element shows the same words again has answered, too: its work was seen to begin and to end.
    const noteWorkDone = (note) => {
      if (!isArea || note.areaChanged || !note.areaBefore) return;
      note.areaChanged = true;
      note.last = null;
    };

    // -- what stands on the page

    const bodiesText = (el) => {
      const bodies = (profile.answer || []).length ? findAll("answer", el) : [el];
      return bodies.map((body) => (textOf(body) === body.textContent ? spacedText(body) : textOf(body))).join("\n");
    };

    // The last question that the page shows and the answer that stands by it: by these a chat is known again.
    const lastAsked = (side = null) => {
      const now = describeAll(elementsNow());
      const newest = side || order || "last";
      const users = now.flatMap((turn, i) => (turn.role === "user" ? [i] : []));
      const at = newest === "first" ? users[0] : users.at(-1);
      const between = (from, to) => now.filter((turn, i) => i > from && i < to && turn.role === "assistant");
      const answers = () => {
        if (at === undefined) return now.slice(newest === "first" ? 0 : -1)[0] ? [newest === "first" ? now[0] : now.at(-1)] : [];
        const below = between(at, users.find((i) => i > at) ?? now.length);
        const above = between(users.findLast((i) => i < at) ?? -1, at);
        if (newest === "first" || !below.length) return above.length && (newest === "first" || users.length === 1) ? above : below;
        return below;
      };
      const found = answers();
      const answer = found.map((turn) => bodiesText(turn.el)).join("\n").slice(0, MOST_CHARACTERS);
      return {
        text: at === undefined ? null : now[at].text.slice(0, MOST_CHARACTERS),
        answer, answered: isArea ? Boolean(answer.trim()) : found.length > 0, order: newest, turns: now.length,
      };
    };

    // The turns that hold any text, as a chat is compared with what a fresh load shows.
    const shownTurns = () => {
      const now = describeAll(elementsNow()).filter((turn) => turn.letters);
      return {
        users: now.filter((turn) => turn.role === "user").length,
        assistants: now.filter((turn) => turn.role === "assistant").map((turn) => turn.letters.slice(0, START_CHARACTERS)),
      };
    };

    return { noteTurns, answerOf, noteWorkDone, lastAsked, shownTurns };
  };
})()
