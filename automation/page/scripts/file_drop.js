// Files for the page: takes their bytes in pieces, hands them over as a person's files, and tells how the upload goes.
//
// Evaluates to a factory: (profile, {find, deepAll, isVisible, isEnabled, fits, elementAt, errorText}) => calls; `calls`
// are functions of the page's agent.
(() => {
  "use strict";

  const CHECK_MS = 100;
  const OVERLAY_MS = 100;

  return (profile, { find, deepAll, isVisible, isEnabled, fits, elementAt, errorText }) => {
    let held = [];
    let wordsBefore = null;

    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

    // First selector with a visible match wins, as everywhere.
    const visibleAll = (role) => {
      for (const selector of profile[role] || []) {
        const found = deepAll(selector.css).filter((el) => isVisible(el) && fits(el, selector));
        if (found.length) return found;
      }
      return [];
    };

    const words = () => {
      const failed = visibleAll("attachments.failed").map((el) => (el.innerText || el.textContent).trim()).find(Boolean);
      return failed ? failed.slice(0, 500) : errorText();
    };

    const look = () => {
      const said = words();
      return {
        uploaded: visibleAll("attachments.uploaded").length,
        uploading: visibleAll("attachments.uploading").length > 0,
        failed: said === wordsBefore ? null : said,
      };
    };

    const transfer = (files) => {
      const data = new DataTransfer();
      for (const file of files) data.items.add(file);
      return data;
    };

    const fileInput = async (ms) => {
      const deadline = performance.now() + ms;
      for (;;) {
        const el = find("attachments.input", { visible: false });
        if (el && isEnabled(el)) return el;
        if (performance.now() > deadline) return null;
        await pause(CHECK_MS);
      }
    };

    const ways = {
      input: async (files, ms) => {
        const el = await fileInput(ms);
        if (!el) return 0;
        const given = el.multiple ? files : files.slice(0, 1);
        el.files = transfer(given).files;
        el.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
        el.dispatchEvent(new Event("change", { bubbles: true }));
        return given.length;
      },
      drop: async (files) => {
        const target = find("attachments.drop_target");
        if (!target) return 0;
        const box = target.getBoundingClientRect();
        const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2];
        const dataTransfer = transfer(files);
        const fire = (el, type) =>
          el.dispatchEvent(new DragEvent(type, { dataTransfer, clientX, clientY, bubbles: true, cancelable: true, composed: true }));
        fire(target, "dragenter");
        fire(target, "dragover");
        // Many pages lay a drop area over themselves while something is dragged; then that is what gets the drop.
        await pause(OVERLAY_MS);
        const top = elementAt(clientX, clientY) || target;
        fire(top, "dragover");
        fire(top, "drop");
        return files.length;
      },
      paste: async (files) => {
        const el = find("input");
        if (!el) return 0;
        el.focus();
        const clipboardData = transfer(files);
        el.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true, composed: true }));
        return files.length;
      },
    };

    return {
      uploads: () => {
        wordsBefore = words();
        return look();
      },
      holdFile: (name, type) => {
        held.push({ name, type, pieces: [] });
        return held.length;
      },
      holdBytes: (base64) => {
        held.at(-1).pieces.push(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
        return true;
      },
      dropHeld: () => {
        held = [];
        return true;
      },
      // How many files the page was given, of the `count` that are held; the rest stays held. 0: there is nowhere to put them.
      giveFiles: async (method, count, ms) => {
        if (held.length !== count) throw new Error("the files are no longer held");
        const given = await ways[method](held.map(({ name, type, pieces }) => new File(pieces, name, { type })), ms);
        held = held.slice(given);
        return given;
      },
      // Resolves when `count` files stand ready in two looks in a row, when the page says why not, or when the time is over.
      uploadEnd: async (count, ms) => {
        const deadline = performance.now() + ms;
        for (let ready = 0; ; ) {
          const now = look();
          ready = now.uploaded >= count && !now.uploading ? ready + 1 : 0;
          if (ready === 2 || now.failed || performance.now() > deadline) return { ...now, ready: ready === 2 };
          await pause(CHECK_MS);
        }
      },
    };
  };
})()
