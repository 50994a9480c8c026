// Bounds the part of the page's time that looking at it takes: a look that cost much is followed by a long pause.
//
// Evaluates to a factory: (share, mostMs, now) => pace. `share` is the part that may be taken, `mostMs` the longest pause.
(() => {
  "use strict";
  return (share, mostMs, now = () => performance.now()) => {
    let dueAt = 0;
    return {
      isDue: () => now() >= dueAt,
      // Returns what `look` returns.
      spend: (look) => {
        const startedAt = now();
        const seen = look();
        const endedAt = now();
        dueAt = endedAt + Math.min(mostMs, (endedAt - startedAt) * (1 / share - 1));
        return seen;
      },
    };
  };
})()
