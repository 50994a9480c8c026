// Tells where the roles of a profile stand on the page, and which other elements could be meant, for whoever writes one.
//
// Evaluates to a factory: (profile, {elementsOf, find, deepAll, isVisible, parentOf}) => functions of the agent in the page.
(() => {
  "use strict";
  const MOST = 40;
  const FIELDS = "textarea, input:not([type]), input[type=text], input[type=search], [contenteditable]:not([contenteditable=false])";
  const BUTTONS = "button, [role=button], input[type=submit]";
  const NAMES = ["data-testid", "id", "name", "aria-label", "placeholder", "title", "type"];
  // A field's own composer, not the page's header.
  const NEAR = 6;

  return (profile, { elementsOf, find, deepAll, isVisible, parentOf }) => {
    const roleNames = () => Object.keys(profile).filter((role) => Array.isArray(profile[role]) && profile[role].some((s) => s.css));

    const boxOf = (el) => {
      const { left, top, width, height } = el.getBoundingClientRect();
      return { left, top, width, height };
    };

    const isInView = ({ left, top, width, height }) => left < innerWidth && top < innerHeight && left + width > 0 && top + height > 0;

    // A selector that matches this element alone, by a name that somebody gave it; null where it has none.
    const selectorOf = (el) => {
      const named = NAMES.filter((name) => el.getAttribute(name)).map((name) => {
        const value = el.getAttribute(name);
        return name === "id" ? `${el.localName}#${CSS.escape(value)}` : `${el.localName}[${name}=${JSON.stringify(value)}]`;
      });
      const classed = [...el.classList].map((name) => `${el.localName}.${CSS.escape(name)}`);
      return [...named, ...classed, el.localName].find((css) => deepAll(css).length === 1) || null;
    };

    const selectorsOf = (elements) => elements.filter(isVisible).map(selectorOf).filter(Boolean).slice(0, MOST);

    const buttonsNear = (field) => {
      for (let p = field && parentOf(field), i = 0; p && i < NEAR; p = parentOf(p), i++) {
        const found = p.querySelectorAll ? [...p.querySelectorAll(BUTTONS)].filter(isVisible) : [];
        if (found.length) return found;
      }
      return [];
    };

    return {
      roleBoxes: () => {
        const boxes = roleNames().flatMap((role) => elementsOf(role).filter(isVisible).slice(0, MOST)
          .map((el) => ({ role, ...boxOf(el) })).filter(isInView));
        return { scale: devicePixelRatio, boxes };
      },
      couldBeMeant: () => {
        const fields = deepAll(FIELDS).filter(isVisible);
        return { input: selectorsOf(fields), send: selectorsOf(buttonsNear(find("input") || fields.at(-1))) };
      },
    };
  };
})()
