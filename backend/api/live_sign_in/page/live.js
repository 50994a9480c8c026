// The person's side of the live view: paints frames, sends what the mouse and the keyboard do. See backend/api/live_sign_in/live_socket.py.
"use strict";

const WORDS = {
  waiting: "Sign in on this page as you would in your own browser. When the site then shows its chat, this ends by itself; where it shows the chat from the start, press Done.",
  qrcode: "The page shows a QR code. Scan it with the site's app.",
  signed_in: "Signed in. You can close this page.",
  refused: "The site refused.",
  cancelled: "Cancelled. You can close this page.",
  expired: "Nobody signed in in time. Start the sign-in again.",
  lost: "The page was lost. Start the sign-in again.",
};
const ENDS = { 4001: "Somebody else took over this view.", 4002: "Closed, because nobody did anything for a while." };
const OVER = ["signed_in", "refused", "cancelled", "expired", "lost"];
const BUTTONS = ["left", "middle", "right"];
const MOVE_MS = 25;
const MOST_TRIES = 5;
const HEAD_BYTES = 12;

const $ = (id) => document.getElementById(id);
const ticket = document.querySelector("meta[name=ticket]").content;
const canvas = $("frame"), painter = canvas.getContext("2d"), keys = $("keys"), list = $("list");
const isMac = /^Mac|^iP/.test(navigator.platform);
let socket = null, page = { width: 1, height: 1 }, isOver = false, tries = 0;

// -- the line ---------------------------------------------------------------------------------------------------------

const send = (message) => {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
};

const connect = () => {
  const address = new URL("/live/socket", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => send({ ticket });
  socket.onmessage = (event) => (typeof event.data === "string" ? hear(JSON.parse(event.data)) : paint(event.data));
  socket.onclose = (event) => {
    if (isOver) return;
    if (event.code >= 4000 || event.code === 1008 || event.code === 1000 || tries >= MOST_TRIES) {
      say(ENDS[event.code] || `This view has ended: ${event.reason || "the line broke"}.`);
      return;
    }
    tries += 1;
    say("The line broke. Connecting again…");
    setTimeout(connect, 1000);
  };
};

const say = (words) => { $("status").textContent = words; };

const complain = (words) => {
  $("problem").textContent = words;
  $("problem").hidden = !words;
};

const hear = (message) => {
  if (message.kind === "status") showStatus(message);
  else if (message.kind === "page") $("where").textContent = `${message.title} ${message.url}`;
  else if (message.kind === "select") showList(message);
  else if (message.kind === "files") askForFiles(message);
  else if (message.kind === "dialog") showDialog(message);
  else if (message.kind === "problem") complain(message.message);
};

const showStatus = (status) => {
  tries = 0;
  isOver = OVER.includes(status.state);
  say(WORDS[status.state] + (isOver && status.state !== "signed_in" && status.reason ? ` (${status.reason})` : ""));
  $("qr").hidden = !status.qr;
  if (status.qr) {
    $("qr-picture").src = status.qr.png;
    $("qr-payload").textContent = status.qr.payload;
  }
  if (isOver) {
    complain("");
    list.hidden = $("files").hidden = $("dialog").hidden = true;
    for (const id of ["done", "cancel", "back", "reload"]) $(id).disabled = true;
  }
};

const paint = async (data) => {
  const head = new DataView(data);
  const picture = await createImageBitmap(new Blob([data.slice(HEAD_BYTES)], { type: "image/jpeg" }));
  page = { width: head.getUint16(0), height: head.getUint16(2) };
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  painter.drawImage(picture, 0, 0);
  picture.close();
  send({ kind: "seen" });
};

// -- the mouse --------------------------------------------------------------------------------------------------------

const modifiersOf = (event) => {
  const isCommand = isMac && event.metaKey;
  return (event.altKey ? 1 : 0) | (event.ctrlKey || isCommand ? 2 : 0) | (event.metaKey && !isMac ? 4 : 0) | (event.shiftKey ? 8 : 0);
};

const placeOf = (event) => {
  const box = canvas.getBoundingClientRect();
  const within = (value, most) => Math.max(0, Math.min(most - 1, value));
  return {
    x: within(((event.clientX - box.left - canvas.clientLeft) / canvas.clientWidth) * page.width, page.width),
    y: within(((event.clientY - box.top - canvas.clientTop) / canvas.clientHeight) * page.height, page.height),
  };
};

let move = null, mover = 0, clicks = 0, last = { at: 0, x: 0, y: 0, button: -1 };

const sendMove = () => {
  clearTimeout(mover);
  mover = 0;
  if (move) send(move);
  move = null;
};

canvas.addEventListener("pointermove", (event) => {
  const held = BUTTONS[[1, 4, 2].findIndex((bit) => event.buttons & bit)] || "none";
  move = { kind: "pointer", action: "move", ...placeOf(event), button: held, buttons: event.buttons, modifiers: modifiersOf(event) };
  mover = mover || setTimeout(sendMove, MOVE_MS);
});

canvas.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  keys.focus({ preventScroll: true });
  complain("");
  const isNear = Math.hypot(event.clientX - last.x, event.clientY - last.y) < 5 && event.timeStamp - last.at < 500;
  clicks = isNear && last.button === event.button && clicks < 3 ? clicks + 1 : 1;
  last = { at: event.timeStamp, x: event.clientX, y: event.clientY, button: event.button };
  press("down", event);
});

canvas.addEventListener("pointerup", (event) => press("up", event));
canvas.addEventListener("contextmenu", (event) => event.preventDefault());

const press = (action, event) => {
  sendMove();
  if (!BUTTONS[event.button]) return;
  const told = { button: BUTTONS[event.button], buttons: event.buttons & 31, clicks, modifiers: modifiersOf(event) };
  send({ kind: "pointer", action, ...placeOf(event), ...told });
};

let wheel = null;

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? page.height : 1;
  if (!wheel) setTimeout(() => { send(wheel); wheel = null; }, MOVE_MS);
  const limit = (value) => Math.max(-10000, Math.min(10000, value));
  const before = wheel || { dx: 0, dy: 0 };
  wheel = {
    kind: "wheel", ...placeOf(event), modifiers: modifiersOf(event),
    dx: limit(before.dx + event.deltaX * unit), dy: limit(before.dy + event.deltaY * unit),
  };
}, { passive: false });

// -- the keyboard -----------------------------------------------------------------------------------------------------

const sendText = (text) => { if (text) send({ kind: "text", text: text.slice(0, 100000) }); };

const sendKey = (action, event) => {
  // What an input method makes arrives as text; what is pasted, too.
  if (event.isComposing || ["Process", "Unidentified", "Dead"].includes(event.key)) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "v") return;
  event.preventDefault();
  if (isMac && event.key === "Meta") return;
  send({
    kind: "key", action, key: event.key.slice(0, 32), code: event.code.slice(0, 32), key_code: event.keyCode & 255,
    location: event.location, modifiers: modifiersOf(event), repeat: event.repeat,
  });
};

keys.addEventListener("keydown", (event) => sendKey("down", event));
keys.addEventListener("keyup", (event) => sendKey("up", event));
keys.addEventListener("paste", (event) => {
  event.preventDefault();
  sendText(event.clipboardData.getData("text/plain"));
});
keys.addEventListener("input", (event) => {
  if (event.isComposing) return;
  sendText(keys.value);
  keys.value = "";
});
keys.addEventListener("compositionend", () => {
  sendText(keys.value);
  keys.value = "";
});

// -- lists and files --------------------------------------------------------------------------------------------------

const choose = (number, index) => {
  list.hidden = true;
  send({ kind: "choose", number, index });
  keys.focus({ preventScroll: true });
};

const showList = ({ number, options, rect }) => {
  const scale = canvas.clientWidth / page.width;
  const [left, top, width, height] = rect || [0, 0, 200, 0];
  list.replaceChildren();
  let group = "";
  options.forEach((option, index) => {
    if (option.group && option.group !== group) list.append(Object.assign(document.createElement("span"), { textContent: option.group }));
    group = option.group;
    const entry = Object.assign(document.createElement("button"), { type: "button", textContent: option.label || "\u00a0" });
    entry.disabled = !option.is_enabled;
    entry.setAttribute("role", "option");
    entry.setAttribute("aria-selected", option.is_chosen);
    entry.onclick = () => choose(number, index);
    list.append(entry);
  });
  Object.assign(list.style, {
    left: `${left * scale}px`, top: `${(top + height) * scale}px`, minWidth: `${Math.max(80, width * scale)}px`,
  });
  list.hidden = false;
  list.onkeydown = (event) => {
    const entries = [...list.querySelectorAll("button:not(:disabled)")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") choose(number, null);
    else if (step) {
      event.preventDefault();
      const next = entries.indexOf(document.activeElement) + step;
      entries[Math.max(0, Math.min(entries.length - 1, next))].focus();
    }
  };
  const chosen = list.querySelector("[aria-selected=true]") || list.querySelector("button");
  if (chosen) chosen.focus();
};

canvas.addEventListener("pointerdown", () => { list.hidden = true; }, true);

const asBase64 = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

const askForFiles = ({ number, takes_several }) => {
  const chosen = $("chosen");
  chosen.value = "";
  chosen.multiple = takes_several;
  $("files").hidden = false;
  $("give").onclick = async () => {
    const picked = [...chosen.files];
    if (picked.reduce((sum, file) => sum + file.size, 0) > 10 * 1024 * 1024) {
      complain("These files are larger than 10 MB together.");
      return;
    }
    const files = await Promise.all(picked.map(async (file) => (
      { name: file.name, media_type: file.type || "application/octet-stream", data: await asBase64(file) }
    )));
    $("files").hidden = true;
    send({ kind: "files", number, files });
  };
  $("give-none").onclick = () => {
    $("files").hidden = true;
    send({ kind: "files", number, files: [] });
  };
};

const showDialog = ({ number, dialog, message, default_text }) => {
  const text = $("dialog-text");
  $("dialog-words").textContent = dialog === "beforeunload" ? "Leave this page? What you entered may be lost." : message;
  text.hidden = dialog !== "prompt";
  text.value = default_text;
  $("dialog-no").hidden = dialog === "alert";
  $("dialog").hidden = false;
  const answer = (accept) => {
    $("dialog").hidden = true;
    send({ kind: "dialog", number, accept, text: accept && dialog === "prompt" ? text.value : "" });
    keys.focus({ preventScroll: true });
  };
  $("dialog-yes").onclick = () => answer(true);
  $("dialog-no").onclick = () => answer(false);
  (text.hidden ? $("dialog-yes") : text).focus();
};

// -- the bar ----------------------------------------------------------------------------------------------------------

$("back").onclick = () => send({ kind: "navigate", to: "back" });
$("reload").onclick = () => send({ kind: "navigate", to: "reload" });
$("cancel").onclick = () => send({ kind: "cancel" });
$("done").onclick = () => {
  complain("");
  say("Looking whether the site shows its chat…");
  send({ kind: "complete" });
};

connect();
