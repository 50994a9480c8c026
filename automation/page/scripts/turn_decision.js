// Decides from what a page shows which turns are new, which of them is the question, and which are its answer. Pure.
//
// Evaluates to {turnOf, decide}. A turn is {node, role, key, text}: `node` stands for its element, `role` is "user" or
// "assistant", `key` an id that the page gives it or null. Lists are in the order of the document.
//
// No single sign of a turn's identity holds on every page: texts change (times, suggestions, "Copied"), elements are made
// anew with each token or take over another message, ids are those of places in a window. So the list of before is
// aligned with the list of now as a whole, and what finds no partner is new; of the new, the question is what holds the
// prompt.
(() => {
  "use strict";

  // Scripts without spaces between words count by character.
  const UNSPACED = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]/;
  const EACH_UNSPACED = new RegExp(UNSPACED.source, "g");
  // A prompt of fewer letters is found only as words of its own: "hi" stands in "this", too.
  const LETTERS_ALONE = 12;
  const SAME_SHARE = 0.3;
  const REDRAWN_SHARE = 0.5;
  const PART_SHARE = 0.7;
  const LEAST_WORDS_OF_PART = 4;
  // A longer text that differs by more in length is not compared word by word.
  const REDRAWN_CHARACTERS = 60;

  const wordsOf = (text) => {
    const plain = text.normalize("NFKC").toLowerCase();
    return (UNSPACED.test(plain) ? plain.replace(EACH_UNSPACED, " $& ") : plain).match(/[\p{L}\p{M}\p{N}]+/gu) || [];
  };

  // What is compared of a text: words are only made of it when letters don't settle a question.
  const described = (text) => {
    let words = null;
    let letters = null;
    return {
      text,
      get words() { return (words ??= wordsOf(text)); },
      get letters() { return (letters ??= this.words.join("") || text.replace(/\s+/g, "")); },
    };
  };

  const turnOf = ({ node, role, key = null, text }) => Object.assign(described(text), { node, role, key });

  // Which share of the words of `part` is in `whole`.
  const shareIn = (part, whole) => {
    if (!part.length) return 0;
    const left = new Map();
    for (const word of whole) left.set(word, (left.get(word) || 0) + 1);
    let found = 0;
    for (const word of part) {
      const count = left.get(word) || 0;
      if (count) { found++; left.set(word, count - 1); }
    }
    return found / part.length;
  };
  const resembles = (a, b, share) => Math.max(shareIn(a.words, b.words), shareIn(b.words, a.words)) >= share;

  // -- alignment ----------------------------------------------------------------------------------------------------

  // How much speaks for `now` being the turn `then`; 0 where nothing does.
  const likeness = (then, now, page) => {
    if (then.role !== now.role || page.isBound(now)) return 0;
    const apart = Math.abs(then.text.length - now.text.length);
    const isEqual = then.text === now.text || (apart <= then.text.length / 4 && then.letters === now.letters);
    const isSameNode = then.node === now.node;
    if (isEqual) return isSameNode ? 5 : then.letters ? 4 : 1;
    if (isSameNode && then.letters && resembles(then, now, SAME_SHARE)) return 3;
    if (isSameNode && !now.letters) return 2;
    if (isSameNode || !then.letters || !now.letters) return 0;
    if (then.key !== null && then.key === now.key && resembles(then, now, SAME_SHARE)) return 2;
    // Made anew and changed at once: only where the page is seen to do that with this turn's element.
    return page.lost(then) && apart <= REDRAWN_CHARACTERS && resembles(then, now, REDRAWN_SHARE) ? 1 : 0;
  };

  // Indexes in `now` of the turns that were there before, with their partners: the alignment for which the most speaks.
  const align = ({ before, now, bound, order }) => {
    const prefersLate = order === "first";
    const nodes = new Map(now.map((turn) => [turn.node, turn]));
    const isRedrawn = !before.some((then) => nodes.has(then.node));
    const isTaken = (then) => {
      const turn = nodes.get(then.node);
      return Boolean(turn) && (turn.role !== then.role || (Boolean(turn.letters) && !resembles(then, turn, SAME_SHARE)));
    };
    const page = { lost: (then) => isRedrawn || isTaken(then), isBound: (turn) => bound.includes(turn.node) };
    let start = 0;
    const isSame = (a, b) => a.node === b.node && a.role === b.role && a.letters === b.letters;
    while (start < before.length && start < now.length && isSame(before[start], now[start])) start++;
    let ends = 0;
    while (ends < before.length - start && ends < now.length - start
      && isSame(before[before.length - 1 - ends], now[now.length - 1 - ends])) ends++;
    const partners = new Map();
    for (let i = 0; i < start; i++) partners.set(i, before[i]);
    for (let i = 1; i <= ends; i++) partners.set(now.length - i, before[before.length - i]);
    const [olds, news] = [before.slice(start, before.length - ends), now.slice(start, now.length - ends)];
    for (const [i, j] of alignRest(olds, news, page, prefersLate)) partners.set(start + j, olds[i]);
    return partners;
  };

  const alignRest = (olds, news, page, prefersLate) => {
    const [rows, columns] = [olds.length, news.length];
    const scores = olds.map((then) => news.map((turn) => likeness(then, turn, page)));
    const best = Array.from({ length: rows + 1 }, () => new Float64Array(columns + 1));
    const pairs = [];
    // Where several alignments are as good, the turns of now that come last (or first) are the new ones.
    if (prefersLate) {
      for (let i = 1; i <= rows; i++) for (let j = 1; j <= columns; j++) {
        const pair = scores[i - 1][j - 1] ? best[i - 1][j - 1] + scores[i - 1][j - 1] : 0;
        best[i][j] = Math.max(best[i - 1][j], best[i][j - 1], pair);
      }
      for (let i = rows, j = columns; i && j;) {
        const score = scores[i - 1][j - 1];
        if (score && best[i][j] === best[i - 1][j - 1] + score) pairs.push([--i, --j]);
        else if (best[i][j] === best[i][j - 1]) j--;
        else i--;
      }
      return pairs;
    }
    for (let i = rows - 1; i >= 0; i--) for (let j = columns - 1; j >= 0; j--) {
      const pair = scores[i][j] ? best[i + 1][j + 1] + scores[i][j] : 0;
      best[i][j] = Math.max(best[i + 1][j], best[i][j + 1], pair);
    }
    for (let i = 0, j = 0; i < rows && j < columns;) {
      if (scores[i][j] && best[i][j] === best[i + 1][j + 1] + scores[i][j]) pairs.push([i++, j++]);
      else if (best[i][j] === best[i][j + 1]) j++;
      else i++;
    }
    return pairs;
  };

  // -- the question -------------------------------------------------------------------------------------------------

  const WHOLE = 3, PART = 2, TRACE = 1, NONE = 0;

  // How much of the prompt a turn holds. Pages trim it, render its Markdown, make chips of mentions, and fold long ones.
  const heldBy = (turn, prompt) => {
    if (!prompt) return WHOLE;
    if (!prompt.words.length) return turn.text.replace(/\s+/g, "").includes(prompt.letters) ? WHOLE : TRACE;
    if (turn.letters === prompt.letters) return WHOLE;
    if (prompt.letters.length >= LETTERS_ALONE && turn.letters.includes(prompt.letters)) return WHOLE;
    if (` ${turn.words.join(" ")} `.includes(` ${prompt.words.join(" ")} `)) return WHOLE;
    if (shareIn(prompt.words, turn.words) >= PART_SHARE) return PART;
    if (turn.words.length >= LEAST_WORDS_OF_PART && shareIn(turn.words, prompt.words) >= PART_SHARE) return PART;
    return !turn.words.length || shareIn(turn.words, prompt.words) > 0 ? TRACE : NONE;
  };

  // A turn that holds part of the prompt is an old one after all if it lacks just the words that the old one lacks.
  const isRatherOld = (turn, prompt, old) => {
    const there = new Set(old.words);
    const own = prompt.words.filter((word) => !there.has(word));
    return own.length > 0 && shareIn(own, turn.words) <= 0.5;
  };

  const findQuestion = (facts, users, partners) => {
    const { now, prompt, before } = facts;
    const fresh = users.filter((i) => !partners.has(i));
    const olds = before.filter((turn) => turn.role === "user");
    const level = (i) => {
      const held = heldBy(now[i], prompt);
      if (held === PART && olds.some((old) => isRatherOld(now[i], prompt, old))) return TRACE;
      return held;
    };
    const held = new Map(fresh.map((i) => [i, level(i)]));
    const isAlone = fresh.length === 1 && (fresh[0] === users[0] || fresh[0] === users.at(-1))
      && users.length - 1 === olds.length;
    const least = isAlone ? TRACE : PART;
    const most = Math.max(NONE, ...held.values());
    if (most >= least) {
      const best = fresh.filter((i) => held.get(i) === most);
      return facts.order === "first" ? best[0] : best.at(-1);
    }
    // It may be folded, or changed in another way, once it was known.
    return users.find((i) => now[i].node === facts.asked && heldBy(now[i], prompt) > NONE) ?? null;
  };

  // -- the answer ---------------------------------------------------------------------------------------------------

  // Where new turns stand: "last" below the older ones, "first" above them, null while nothing tells.
  const findOrder = (facts, at, users, partners) => {
    const olds = users.filter((i) => i !== at && partners.has(i));
    const others = olds.length ? olds : users.filter((i) => i !== at);
    const stayed = [...partners.keys()].filter((i) => partners.get(i).node === facts.now[i].node);
    const marks = others.length ? others : stayed.length || hadQuestions(facts) ? stayed : [...partners.keys()];
    const [above, below] = [marks.some((i) => i < at), marks.some((i) => i > at)];
    if (above !== below) return above ? "last" : "first";
    return facts.order ?? null;
  };

  const hadQuestions = ({ before }) => before.some((turn) => turn.role === "user");

  const answerTo = (facts, question, users, partners, order) => {
    const { now } = facts;
    const next = users.find((i) => i > question) ?? now.length;
    const previous = users.findLast((i) => i < question) ?? -1;
    const assistants = (from, to) => now.flatMap((turn, i) => (i > from && i < to && turn.role === "assistant" ? [i] : []));
    // The same words as before, in another element, are no sign where no question of before is left on the page.
    const showsHistory = !hadQuestions(facts) || users.some((i) => partners.has(i));
    const isOld = (i) => partners.has(i) && !facts.bound.includes(now[i].node) && (showsHistory || partners.get(i).node === now[i].node);
    const below = assistants(question, next), above = assistants(previous, question);
    if (order === "last") return below.filter((i) => !isOld(i));
    if (order === "first") {
      const newAbove = above.filter((i) => !isOld(i));
      return newAbove.length ? newAbove : below.filter((i) => !isOld(i));
    }
    return [...above, ...below].filter((i) => !isOld(i));
  };

  // The page has taken the question off: what was known as its answer goes on, and what comes after it.
  const answerGoesOn = (facts, partners) => {
    const { now, bound, boundText } = facts;
    const isNew = (i) => now[i].role === "assistant" && !partners.has(i);
    const kept = now.flatMap((turn, i) => (turn.role === "assistant" && bound.includes(turn.node) ? [i] : []));
    if (kept.length) {
      const isBeyond = facts.order === "first" ? (i) => i < kept[0] : (i) => i > kept.at(-1);
      return now.flatMap((_, i) => (kept.includes(i) || (isNew(i) && isBeyond(i)) ? [i] : []));
    }
    if (!boundText) return [];
    const start = described(boundText).letters;
    return now.flatMap((turn, i) => (isNew(i) && turn.letters && (turn.letters.startsWith(start) || start.startsWith(turn.letters)) ? [i] : []));
  };

  /**
   * `facts`: {prompt, hasUserTurns, before, now, asked, bound, boundText, order, isArea, areaChanged}. `prompt` is what
   * was entered, as `turnOf` describes it, or null; `asked` and `bound` are the nodes of the question and of its answer as
   * they were found before; `isArea` says that one element shows each answer in turn.
   *
   * Returns {asked, question, answer, order}: whether the question was seen, its index in `now` or null, the indexes of
   * the answer's turns, and where new turns stand.
   */
  const decide = (facts) => {
    const { now } = facts;
    const users = now.flatMap((turn, i) => (turn.role === "user" ? [i] : []));
    const partners = align(facts);
    const area = facts.isArea ? now.flatMap((turn, i) => (turn.role === "assistant" ? [i] : [])) : [];
    const areaAnswer = area.length === 1 ? (facts.areaChanged ? area : []) : null;
    if (!facts.hasUserTurns) {
      const fresh = now.flatMap((turn, i) => (!partners.has(i) || facts.bound.includes(turn.node) ? [i] : []));
      const order = fresh.length && partners.size ? findOrder(facts, fresh[0], [], partners) : facts.order ?? null;
      return { asked: false, question: null, answer: areaAnswer ?? fresh, order };
    }
    const question = findQuestion(facts, users, partners);
    if (question === null) {
      const answer = facts.asked === null ? [] : areaAnswer ?? answerGoesOn(facts, partners);
      return { asked: facts.asked !== null, question, answer, order: facts.order ?? null };
    }
    const order = findOrder(facts, question, users, partners);
    return { asked: true, question, answer: areaAnswer ?? answerTo(facts, question, users, partners, order), order };
  };

  return { turnOf, described, decide };
})()
