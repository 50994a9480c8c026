// Starts the account's sign-in, or finds the one that goes on, and leads to its live view.
"use strict";

const at = (id) => document.getElementById(id);
const address = document.querySelector("meta[name=sign-in]").content;

const post = async (path, body) => {
  const headers = { "content-type": "application/json" };
  if (at("key").value) headers.authorization = `Bearer ${at("key").value}`;
  const response = await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body) });
  const document = await response.json();
  return { status: response.status, document };
};

const tell = (words) => {
  at("problem").textContent = words;
  at("problem").hidden = false;
};

at("open").addEventListener("click", async () => {
  at("open").disabled = true;
  at("problem").hidden = true;
  try {
    let answer = await post(address, { mode: "interactive" });
    if (answer.status === 409 && answer.document.error.code === "sign_in_running") answer = await post(`${address}/link`);
    const live = answer.document.live || answer.document;
    if (answer.status < 300) {
      location.assign(live.path);
      return;
    }
    if (answer.status === 401) at("key-row").hidden = false;
    tell(answer.document.error.message);
  } catch (error) {
    tell(`The gateway did not answer: ${error.message}`);
  }
  at("open").disabled = false;
});
