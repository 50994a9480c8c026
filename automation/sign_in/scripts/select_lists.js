// Tells of native lists that would open, and takes an entry of one.
//
// Runs in an isolated world of every frame. Chromium draws an open <select> in a window of its own, which no frame of
// a screencast shows: the list is kept closed, told to Python through the binding, and drawn by the live view's page.
// Evaluates to a factory: (push) => nothing; it leaves `lists` in its world.
(push) => {
  "use strict";
  if (globalThis.lists) return;
  const opened = [];

  const isDropDown = (el) =>
    el instanceof HTMLSelectElement && !el.multiple && el.size <= 1 && !el.disabled &&
    // A list that the page styles itself is drawn within the page.
    getComputedStyle(el).appearance !== "base-select";

  const tell = (select, at) => {
    const box = select.getBoundingClientRect();
    const options = [...select.options].map((option) => {
      const parent = option.parentElement;
      const group = parent instanceof HTMLOptGroupElement ? parent : null;
      return {
        label: option.label,
        group: group ? group.label : "",
        is_chosen: option.selected,
        is_enabled: !option.disabled && !(group && group.disabled) && !option.hidden,
      };
    });
    // From the pointer, so that it holds in whatever frames this one lies.
    const rect = at && [box.left - at.clientX, box.top - at.clientY, box.width, box.height];
    push(JSON.stringify({ list: opened.push(select) - 1, options, rect }));
  };

  const targetOf = (event) => event.composedPath()[0];

  addEventListener("mousedown", (event) => {
    const select = targetOf(event);
    if (!event.isTrusted || event.button !== 0 || !isDropDown(select)) return;
    event.preventDefault();
    select.focus();
    tell(select, event);
  }, true);

  addEventListener("keydown", (event) => {
    const opens = event.key === " " || (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp"));
    const select = targetOf(event);
    if (!event.isTrusted || !opens || !isDropDown(select)) return;
    event.preventDefault();
    tell(select, null);
  }, true);

  globalThis.lists = {
    choose(list, index) {
      const select = opened[list];
      const option = select && select.isConnected && select.options[index];
      if (!option || option.disabled) return false;
      if (select.selectedIndex === index) return true;
      select.selectedIndex = index;
      select.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
      select.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    },
  };
}
