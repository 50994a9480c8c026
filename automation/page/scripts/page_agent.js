// Our eyes on a chat page: finds what the profile names, reads turns, and watches them change.
//
// Evaluated in an isolated world of the frame that holds the chat; it shares the page's DOM and nothing else.
// It only reads, focuses and fills the prompt field: clicks and keys come from the browser's own input events, so
// that the page sees a person's events. Evaluates to a factory: (profile, push) => agent. Everything that crosses to
// Python is JSON.
(() => {
  "use strict";
  const CHECK_MS = 100;
  // Beside a decoder the page is only a witness, and looking makes it lay itself out.
  const WITNESS_MS = 250;
  const POLL_MS = 50;
  const REREAD_MS = 1000;
  // So much of an answer tells which of the page's streams it is.
  const HEAD_CHARS = 2000;
  // A page that renders a long answer anew with each token has no time to spare: what we take of it, it lacks.
  const READING_SHARE = 1 / 9;
  const LOOKING_SHARE = 1 / 12;
  const MOST_PAUSE_MS = 1000;
  // Turns of more text than this are not kept for the case that the page loads another document.
  const KEPT_CHARS = 300000;
  const SAME = JSON.stringify({ kind: "sample" });

  return (profile, push) => {
    const finding = parleyFinding(profile, () => turn?.observeRoots());
    const { roots, find, findAll, isVisible, isEnabled, contains, parentOf, textOf, lettersIn, elementAt } = finding;
    const { noteTurns, answerOf, noteWorkDone, lastAsked, shownTurns } = parleyTurns(profile, finding);
    const { serialize, bodiesIn, noteBeside, besideOf, continueControl, errorText, isBusy, closedThought, sourcesIn } = parleyReading(profile, finding);
    const announcements = parleyAnnouncements(profile, finding);
    const promptField = parleyPromptField(finding);
    const composerWatch = parleyComposerWatch({ ...finding, field: promptField });
    const fileDrop = parleyFileDrop(profile, { ...finding, errorText });

    // -- watching one turn --------------------------------------------------------------------------------------

    let turn = null;

    const makeTurn = (mode) => {
      let note = noteTurns();
      let beside = noteBeside();
      let wasStoppable = false;
      let errorBefore = errorText();
      let observed = new WeakSet();
      const pushed = { text: "", thinking: "", sources: "" };
      let stable = "";
      let lastLook = "";
      const readingPace = parleyPace(READING_SHARE, MOST_PAUSE_MS);
      const lookingPace = parleyPace(LOOKING_SHARE, MOST_PAUSE_MS);
      let mustReadAt = 0;
      let head = "";
      let dirty = true;

      // Between two looks at the controls only the text is read, and no more often than the page can afford.
      const observer = new MutationObserver(() => {
        dirty = true;
        if (!readingPace.isDue()) return;
        const { asked, turns } = answerOf(note);
        const message = self.mode === "read" ? self.changes(turns) : self.headChange(turns);
        if (message) push(JSON.stringify({ kind: "sample", is_text_only: true, asked, chars: charsIn(turns), ...message }));
      });

      const announced = announcements.listen(
        (words) => push(JSON.stringify({ kind: "sample", is_text_only: true, ...words })),
        () => self.turns(),
      );

      const self = {
        mode,
        // Only a reader needs each change at once; a witness that has told how the answer begins looks now and then, which
        // costs the page less.
        observeRoots: () => {
          if (self.mode !== "read" && head.length >= HEAD_CHARS) return;
          for (const root of roots(false)) {
            if (observed.has(root)) continue;
            observed.add(root);
            observer.observe(root, { subtree: true, childList: true, characterData: true });
          }
        },
        // What stands here now is no part of the answer to this prompt, which is about to be sent.
        expect: (prompt) => {
          note = noteTurns(prompt);
          beside = noteBeside();
          wasStoppable = false;
          // Without user turns the prompt can't be found in another document: nothing to keep.
          if (!(profile.user_turn || []).length) return null;
          const turns = note.before.map(({ role, text }) => ({ role, text }));
          return turns.reduce((sum, { text }) => sum + text.length, 0) > KEPT_CHARS ? null : turns;
        },
        // This document took the place of the one that the prompt was sent in: what is added to its turns is the answer.
        follow: (prompt, earlier) => {
          note = noteTurns(prompt, earlier);
          beside = { before: new Map(), own: new Set() };
          errorBefore = null;
        },
        turns: () => answerOf(note).turns,
        isAsked: () => answerOf(note).asked,
        // How the answer begins, if that is new; by it the wire's reader knows which stream is the answer.
        headChange: (turns) => {
          if (self.mode === "read") return null;
          const begins = readingPace.spend(() => bodiesIn(turns).map(textOf).join(" ").trim().slice(0, HEAD_CHARS));
          if (begins === head) return null;
          head = begins;
          if (head.length >= HEAD_CHARS) {
            observer.disconnect();
            observed = new WeakSet();
          }
          return { head };
        },
        // What of the answer is new since it was last pushed, or null. Attributes are not observed, so that now and
        // then all of it is read anew.
        changes: (turns) => {
          const isWanted = dirty || performance.now() > mustReadAt;
          if (self.mode !== "read" || !isWanted || !readingPace.isDue()) return null;
          dirty = false;
          const { body, thought } = readingPace.spend(() => serialize(turns, besideOf(beside, turns)));
          const message = {};
          const stableNow = `${body.stable} ${thought.stable}`;
          if (body.text !== pushed.text || stableNow !== stable) message.text = patchOf("text", body);
          if (thought.text !== pushed.thinking || stableNow !== stable) message.thinking = patchOf("thinking", thought);
          stable = stableNow;
          mustReadAt = performance.now() + REREAD_MS;
          return message.text || message.thinking ? message : null;
        },
        controls: () => {
          const stop = (profile.stop || []).length ? Boolean(find("stop")) : null;
          if (wasStoppable && !stop) noteWorkDone(note);
          wasStoppable = Boolean(stop);
          const { asked, turns } = answerOf(note);
          const error = errorText();
          const input = find("input");
          const facts = {
            asked, chars: charsIn(turns), answered: turns.length > 0, stop,
            continues: (profile.continue || []).length ? Boolean(continueControl(turns)) : null,
            finished: (profile.finished || []).length ? turns.some((t) => findAll("finished", t).some(isVisible)) : null,
            ready: Boolean(input && isEnabled(input)),
            busy: turns.some(isBusy),
            error: error === errorBefore ? null : error,
            signed_out: Boolean(find("signed_out")),
            captcha: !turns.length && Boolean(find("captcha")),
            url: location.href,
            // What the click on Send did, until a turn shows: {effects, landing}; see composer_watch.js.
            send: asked || turns.length > 0 ? null : composerWatch.sendFacts(),
            ...self.headChange(turns),
          };
          if (self.mode === "read") {
            facts.thinking_closed = Boolean(closedThought(turns));
            const sources = sourcesIn(turns);
            const key = JSON.stringify(sources);
            if (key !== pushed.sources) facts.sources = sources;
            pushed.sources = key;
          }
          return { turns, facts };
        },
        sample: () => {
          const { turns, facts } = lookingPace.spend(self.controls);
          return { ...facts, ...self.changes(turns) };
        },
        // Each look is told, also when nothing changed: a page that hangs shows the same, and proves nothing.
        report: () => {
          announced.look();
          const look = JSON.stringify({ kind: "sample", ...self.sample() });
          push(look === lastLook ? SAME : look);
          lastLook = look;
        },
        read: () => {
          const turns = self.turns();
          const { body, thought } = serialize(turns, besideOf(beside, turns));
          const retry = announcements.hasRetry(turns);
          return { markdown: body.text, thinking: thought.text, sources: sourcesIn(turns), retry };
        },
        setMode: (next) => {
          self.mode = next;
          dirty = true;
          self.observeRoots();
          clearInterval(timer);
          timer = setInterval(self.lookIfDue, CHECK_MS);
          self.report();
        },
        lookIfDue: () => { if (lookingPace.isDue()) self.report(); },
        end: () => { observer.disconnect(); announced.end(); clearInterval(timer); },
      };

      const charsIn = (turns) => lettersIn([...turns, ...besideOf(beside, turns)]);

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
      let timer = setInterval(self.lookIfDue, mode === "read" ? CHECK_MS : WITNESS_MS);
      return self;
    };

    // -- where to click -----------------------------------------------------------------------------------------

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
      const top = elementAt(x, y);
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

    // Whether the chat shows no more than a fresh one: `ground` are the turns that a fresh load shows, such as a greeting,
    // `left` those of the chat that is being left. `all`: the greeting has to be there; `any`: it isn't known yet.
    const isGround = ({ ground, left, all = false, any = false }) => {
      const { users, assistants } = shownTurns();
      const isOfGround = (text) => ground.includes(text) || !left.includes(text);
      if (any) return !users;
      return !users && (all ? assistants.length === ground.length : assistants.length <= ground.length) && assistants.every(isOfGround);
    };

    const isMet = (want) => Object.entries(want).every(([role, value]) => {
      if (role === "no_turns") return typeof value === "object" ? isGround(value) : isGround({ ground: [], left: [] }) === value;
      // A document without a turn is one that another took the place of meanwhile: no wait for it.
      if (role === "asked") return (!turn || turn.isAsked()) === value;
      if (role === "send_enabled") { const el = find("send"); return Boolean(el && isEnabled(el)) === value; }
      if (role === "thought_shows") return Boolean(turn?.read().thinking) === value;
      if (role.startsWith("still:")) return isStill(role.slice(6)) === value;
      if (role.startsWith("clear:")) { const el = find(role.slice(6)); return Boolean(el && pointOf(el).clear) === value; }
      if (role === "input_ready") { const el = find("input"); return Boolean(el && isEnabled(el)) === value; }
      return Boolean(find(role)) === value;
    });

    const endTurn = () => { turn?.end(); turn = null; return true; };

    // Controls that are looked for in the turns of the answer alone.
    const OF_TURN = { thinking_toggle: closedThought, continue: continueControl };

    const agent = {
      look: (names) => {
        roots(true);
        return Object.fromEntries(names.map((name) => [name, Boolean(find(name))]));
      },
      error: () => errorText(),
      roles: () => {
        roots(true);
        return finding.roles();
      },
      labels: (role) => (find(role)?.innerText || "").trim().slice(0, 500),
      point: (role) => {
        roots(true);
        const el = role in OF_TURN ? turn && OF_TURN[role](turn.turns()) : find(role);
        return el && pointOf(el);
      },
      ...promptField.calls,
      ...composerWatch.calls,
      ...fileDrop,
      ...parleyRoleBoxes(profile, finding),
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
      // Goes on with a turn in the document that took the place of another one; `earlier` is what `expect` returned there.
      followTurn: (mode, prompt, earlier) => {
        turn?.end();
        roots(true);
        turn = makeTurn(mode);
        turn.follow(prompt, earlier);
        turn.observeRoots();
        turn.report();
        return true;
      },
      setMode: (mode) => { turn?.setMode(mode); return true; },
      readTurn: () => { roots(true); return turn?.read() ?? null; },
      // Called just before `prompt` is sent; returns the turns that stand here by then, null where they are too long.
      expect: (prompt) => { roots(true); return turn ? turn.expect(prompt) : null; },
      lastAsked: (side) => { roots(true); return lastAsked(side); },
      // What turns the chat shows once they have been the same for `restMs`, or when the time is over.
      restingTurns: (restMs, ms) => new Promise((resolve) => {
        const deadline = performance.now() + ms;
        let seen = null;
        let since = 0;
        const look = () => {
          const turns = shownTurns();
          const now = performance.now();
          const key = JSON.stringify(turns);
          if (key !== seen) { seen = key; since = now; }
          if (now - since >= restMs || now > deadline) resolve(turns);
          else setTimeout(look, POLL_MS);
        };
        look();
      }),
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
