// The page: the list of leases, live. All that comes from the server is set as text, never as HTML.

const HEARTBEAT_LIMIT_MS = 40_000; // the server says something every 15 s
const ANSWER_LIMIT_MS = 15_000;
const LONGEST_PAUSE_MS = 5_000;
const SPEAK_AFTER_MS = 800; // what happens together is said together
const KEY = "composeports-key";
const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);
const WEB = /^https?:\/\//i;
const FIXED = ["db", "rest", "realtime", "api"];
const PATHS = { renew: "ports/renew", release: "ports/release", down: "stacks/down" };
const DONE = { renew: "renewed", release: "released", down: "down" };
const GRAVE = {
  down: [
    "Take the stack down?",
    "Its containers and networks are removed and its ports given back. Volumes stay.",
    "Down",
  ],
  release: ["Release the ports?", "Another session may get them.", "Release"],
};

const NO_SUCH_KEY = "The server does not know that key.";
const NEEDS_KEY = /^a valid API key/; // said of requests without a key, and with a wrong one
const WHY_A_KEY = "Whatever changes something needs a key; on some servers, looking does too.";

const at = (id) => document.getElementById(id);
const part = (node, name) => node.querySelector(name);

// What an entry means, in words

function nameOf(entry) {
  return entry.worktree ? entry.name : entry.session_id;
}

// How it looks, its word, and why where that is not plain.
function stateOf(entry) {
  if (entry.state === "gone") return ["bad", "gone", "Stale: its folder does not exist any more."];
  if (entry.state === "unknown") return ["unsure", "unknown", "The engine does not answer."];
  if (entry.state === "drifted") {
    return ["unsure", "drifted", "It has other ports than these: composeports up brings it back."];
  }
  if (entry.expired && !entry.kept_by) {
    return ["unsure", "expired", "Stale: another session may take its ports."];
  }
  return entry.state === "running" ? ["good", "running", ""] : ["calm", entry.state, ""];
}

function leaseWords(entry, left) {
  if (entry.kept_by === "containers") return "expired, kept by its containers";
  if (entry.kept_by === "unknown") return "expired, kept while the engine does not answer";
  if (entry.expired) return "expired";
  const seconds = Math.max(0, Math.ceil(left / 1000));
  if (seconds < 120) {
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
  }
  const minutes = Math.ceil(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return [hours && `${hours} h`, minutes % 60 && `${minutes % 60} min`].filter(Boolean).join(" ");
}

// Milliseconds that are left: to the second, even where this clock is not the server's.
function leftOf(entry) {
  const most = entry.remaining_ttl_minutes * 60_000;
  const left = Date.parse(entry.expires_at) - Date.now();
  return Math.min(Math.max(left, most - 60_000), most);
}

// [service, where, whether it is worth a link]
function servicesOf(entry) {
  const answers = entry.state === "running" || entry.state === "unknown";
  const without = new Set(entry.without_container ?? []);
  const keys = Object.keys({ ...entry.ports, ...entry.urls }).filter((key) => !without.has(key));
  const names = keys.map((key) => key.slice(0, key.lastIndexOf(":")));
  const found = keys.map((key, index) => {
    const name = names[index];
    const several = names.indexOf(name) !== names.lastIndexOf(name);
    const where = fromHere(entry.urls[key] ?? `${hostOf(entry)}:${entry.ports[key]}`);
    return [several ? `${name} ${key.slice(name.length + 1)}` : name, where, answers];
  });
  if (found.length) return found;
  return FIXED.map((name) => [name, fromHere(`${hostOf(entry)}:${entry[`${name}_port`]}`), false]);
}

// The engine's host as a URL has it.
function hostOf(entry) {
  const host = entry.host ?? "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

// "localhost" is the server's machine, which need not be the one that the page is seen on.
function fromHere(where) {
  if (LOCAL.has(location.hostname)) return where;
  return where.replace(/^(https?:\/\/)?localhost(?=[:/]|$)/i, `$1${location.hostname}`);
}

function wordsOf(entry) {
  const services = servicesOf(entry).flat().join(" ");
  const own = [entry.session_id, entry.name, entry.worktree, entry.branch, entry.compose_project_name];
  return [...own, ...stateOf(entry), entry.state, services].join(" ").toLowerCase();
}

// The rows

const rows = new Map(); // session id -> what belongs to its row
let known = null; // nothing has come yet

function show(list) {
  const first = known === null;
  const before = known ?? new Map();
  known = new Map(list.map((entry) => [entry.session_id, entry]));
  const focused = document.activeElement?.closest("#rows tr");
  const place = focused ? [...at("rows").children].indexOf(focused) : -1;
  for (const [id, row] of rows) {
    if (!known.has(id)) {
      row.node.remove();
      rows.delete(id);
      speak(`${nameOf(before.get(id))}: not listed any more`);
    }
  }
  list.forEach((entry, index) => {
    const row = rows.get(entry.session_id) ?? newRow(entry);
    const state = stateOf(entry)[1];
    if (row.state !== state) {
      if (!first) {
        speak(`${nameOf(entry)}: ${state}`);
        row.node.classList.add("changed");
      }
      setText(row.problem, "");
    }
    fill(row, entry, state);
    if (at("rows").children[index] !== row.node) at("rows").insertBefore(row.node, at("rows").children[index] ?? null);
  });
  if (focused && !focused.isConnected) focusNear(place);
  filter();
}

function newRow(entry) {
  const node = at("row").content.firstElementChild.cloneNode(true);
  const row = { node, id: entry.session_id, problem: part(node, ".problem"), lease: part(node, ".lease") };
  node.addEventListener("animationend", () => node.classList.remove("changed"));
  for (const button of node.querySelectorAll("button")) {
    button.addEventListener("click", () => act(button.dataset.does, row, button));
  }
  rows.set(entry.session_id, row);
  return row;
}

function fill(row, entry, state) {
  const { node } = row;
  const name = nameOf(entry);
  const [look, word, why] = stateOf(entry);
  row.state = state;
  row.ends = performance.now() + leftOf(entry);
  row.words = wordsOf(entry);
  node.dataset.look = look;
  setText(part(node, ".name"), name);
  setText(part(node, ".branch"), entry.branch);
  setText(part(node, ".path"), entry.worktree);
  setText(part(node, ".project"), entry.compose_project_name);
  setText(part(node, ".badge"), word);
  setText(part(node, ".why"), why);
  setText(row.lease, leaseWords(entry, leftOf(entry)));
  fillServices(row, part(node, ".services ul"), servicesOf(entry));
  const runs = entry.state === "running" || entry.state === "drifted";
  const offered = { renew: true, down: entry.worktree !== "", release: !runs };
  for (const button of node.querySelectorAll("button")) {
    button.hidden = !offered[button.dataset.does];
    button.setAttribute("aria-label", `${button.textContent} ${name}`);
  }
}

function fillServices(row, list, services) {
  const told = JSON.stringify(services);
  if (row.services === told) return;
  row.services = told;
  list.replaceChildren(...services.map(([service, where, answers]) => {
    const item = at("service").content.firstElementChild.cloneNode(true);
    setText(part(item, ".service"), service);
    if (answers && isWeb(where)) {
      const link = document.createElement("a");
      link.className = "where";
      link.href = where;
      link.rel = "noopener noreferrer";
      link.textContent = where;
      part(item, ".where").replaceWith(link);
    } else {
      setText(part(item, ".where"), where);
    }
    return item;
  }));
}

function isWeb(where) {
  if (!WEB.test(where)) return false;
  try {
    return ["http:", "https:"].includes(new URL(where).protocol);
  } catch {
    return false;
  }
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// What had the focus has left the list: stay near.
function focusNear(place) {
  const left = [...at("rows").children].filter((each) => !each.hidden);
  const next = left[Math.min(Math.max(place, 0), left.length - 1)];
  (next ? part(next, "button:not([hidden])") : at("filter")).focus();
}

function filter() {
  const wanted = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows.values()) {
    row.node.hidden = !wanted.every((word) => row.words.includes(word));
    shown += row.node.hidden ? 0 : 1;
  }
  at("stacks").hidden = shown === 0;
  at("nothing").hidden = known === null || rows.size > 0;
  at("no-match").hidden = rows.size === 0 || shown > 0;
  summarize(shown);
}

function summarize(shown) {
  if (known === null) return;
  const counts = new Map();
  for (const row of rows.values()) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${state}`);
  const some = shown < rows.size ? `${shown} of ${rows.size} shown` : "";
  setText(at("summary"), [some, ...parts].filter(Boolean).join(", "));
  document.title = parts.length ? `${parts.join(", ")} - composeports` : "composeports";
}

setInterval(() => {
  for (const row of rows.values()) {
    setText(row.lease, leaseWords(known.get(row.id), row.ends - performance.now()));
  }
}, 1000);

// What a screen reader hears: changes of states and what was asked for, not every minute

let pending = [];

function speak(text) {
  if (!pending.length) {
    setTimeout(() => {
      const more = pending.length - 3;
      at("spoken").textContent = pending.slice(0, 3).join(". ") + (more > 0 ? `. And ${more} more` : "");
      pending = [];
    }, SPEAK_AFTER_MS);
  }
  pending.push(text);
}

// The key

let asking = null;

function askForKey(reason) {
  asking ??= openForKey(reason).finally(() => {
    asking = null;
  });
  return asking;
}

async function openForKey(reason) {
  setText(at("ask-reason"), reason);
  at("key").value = "";
  const key = (await answered(at("ask"))) ? at("key").value.trim() : "";
  at("key").value = "";
  if (key) keepKey(key);
  return key !== "";
}

const openings = new Map(); // dialog -> who waits for its end

// Opens a dialog, and tells whether it was closed with yes.
function answered(dialog) {
  settle(dialog); // an earlier opening, whose end is told late
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => openings.set(dialog, done));
}

function settle(dialog) {
  openings.get(dialog)?.(dialog.returnValue === "yes");
  openings.delete(dialog);
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    if (!dialog.open) settle(dialog);
  });
}

function keepKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
  setText(at("key-button"), key ? "Forget key" : "Enter key");
}

// Forgets a key that was refused, and returns why another one is asked for.
function withoutKey(told) {
  const had = sessionStorage.getItem(KEY) !== null;
  keepKey("");
  if (!NEEDS_KEY.test(told.detail)) return told.detail ?? "";
  return had ? NO_SUCH_KEY : WHY_A_KEY;
}

function headers(more = {}) {
  const key = sessionStorage.getItem(KEY);
  // A header holds Latin-1; whatever else cannot be a key, and the server says so.
  return key ? { ...more, "X-API-Key": encodable(key) } : more;
}

function encodable(key) {
  return String.fromCharCode(...new TextEncoder().encode(key));
}

// Without credentials, so that the browser itself does not ask for a password.
function ask(path, options) {
  return fetch(path, { credentials: "omit", cache: "no-store", redirect: "error", ...options });
}

// Renew, down, release

async function act(does, row, button) {
  if (button.ariaDisabled) return;
  const entry = known.get(row.id);
  if (does in GRAVE && !(await confirmed(does, entry))) return;
  button.ariaDisabled = "true";
  setText(row.problem, "");
  try {
    setText(row.problem, await carryOut(does, entry));
  } finally {
    button.ariaDisabled = null;
  }
}

// Returns what is wrong; empty where nothing is.
async function carryOut(does, entry) {
  const body = JSON.stringify({ session_id: entry.session_id });
  for (;;) {
    const options = { method: "POST", body, headers: headers({ "Content-Type": "application/json" }) };
    let answer;
    let told;
    try {
      // Each of them may be asked for twice, and networks that come and go break connections.
      answer = await ask(PATHS[does], options).catch(() => ask(PATHS[does], options));
      told = await answer.json();
    } catch {
      return "The server did not answer. Look whether it runs, then try again.";
    }
    if (answer.status !== 401) {
      if (answer.ok) speak(`${nameOf(entry)}: ${DONE[does]}`);
      return answer.ok ? "" : problemOf(told, answer.status);
    }
    if (!(await askForKey(withoutKey(told)))) return "Not done: it needs a key.";
  }
}

function problemOf(told, status) {
  if (typeof told.message === "string") {
    const words = [told.message, inButtons(told.hint)].filter(Boolean).join(". ");
    return `${words[0].toUpperCase()}${words.slice(1)} (${told.error})`;
  }
  const detail = Array.isArray(told.detail) ? told.detail[0]?.msg : told.detail;
  return detail ?? `The server answered ${status}.`;
}

// A hint names routes, such as `POST /stacks/down`; people here have buttons.
function inButtons(hint = "") {
  return hint.replace(/`POST \/(\w+\/\w+)`/g, (route, path) => {
    const does = Object.keys(PATHS).find((name) => PATHS[name] === path);
    return does ? `${does[0].toUpperCase()}${does.slice(1)}` : route;
  });
}

function confirmed(does, entry) {
  const [title, text, word] = GRAVE[does];
  setText(at("confirm-title"), title);
  setText(at("confirm-session"), entry.worktree || entry.session_id);
  setText(at("confirm-text"), text);
  setText(at("confirm-yes"), word);
  return answered(at("confirm"));
}

// The stream

let stream = new AbortController();
let wake = () => {};
let given = () => {};
let lostAt = "";

function say(is, words, trouble = "") {
  at("connection").dataset.is = is;
  setText(at("connection-words"), words);
  setText(at("trouble"), trouble);
  at("trouble").hidden = !trouble;
}

async function follow() {
  let failures = 0;
  for (;;) {
    let trouble = "";
    try {
      const answer = await open();
      if (answer.ok) {
        await read(answer.body, () => {
          failures = 0;
        });
      } else {
        const told = await answer.json();
        if (answer.status === 401) {
          await getKey(withoutKey(told));
          continue;
        }
        trouble = problemOf(told, answer.status);
      }
    } catch {
      // What is wrong with the network is not told to scripts.
    }
    // A network that comes or goes, as stacks have them, breaks a connection that is back at once.
    failures += 1;
    if (failures > 1 || trouble) lost(trouble);
    await new Promise((done) => {
      wake = done;
      setTimeout(done, Math.min(125 * 2 ** failures, LONGEST_PAUSE_MS));
    });
  }
}

// Once it was not given, it is asked for again when the button is used, and not before.
async function getKey(reason) {
  say("lost", "No key", reason);
  if (await askForKey(reason)) return;
  await new Promise((done) => {
    given = done;
  });
}

async function open() {
  stream = new AbortController();
  const silent = setTimeout(() => stream.abort(), ANSWER_LIMIT_MS);
  try {
    return await ask("events", { headers: headers(), signal: stream.signal });
  } finally {
    clearTimeout(silent);
  }
}

async function read(body, arrived) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const silent = setTimeout(() => stream.abort(), HEARTBEAT_LIMIT_MS);
    let chunk;
    try {
      chunk = await reader.read();
    } finally {
      clearTimeout(silent);
    }
    if (chunk.done) return;
    const messages = (rest + chunk.value).split("\n\n");
    rest = messages.pop();
    for (const message of messages) {
      if (message.startsWith("event: status\ndata: ")) {
        show(JSON.parse(message.slice("event: status\ndata: ".length)));
        arrived();
        found();
      }
    }
  }
}

function found() {
  if (lostAt) speak("Connected again");
  lostAt = "";
  say("live", "Live");
}

function lost(trouble) {
  if (!lostAt) {
    lostAt = new Date().toLocaleTimeString();
    speak("Connection lost");
  }
  const since = known === null ? "" : ` What you see is from ${lostAt}.`;
  say("lost", "Connection lost", trouble || `The server does not answer; trying again.${since}`);
}

// Ways in

at("filter").addEventListener("input", filter);
at("filter").addEventListener("change", () => speak(at("summary").textContent));
at("clear").addEventListener("click", () => {
  at("filter").value = "";
  filter();
  at("filter").focus();
});
at("key-button").addEventListener("click", async () => {
  if (sessionStorage.getItem(KEY)) {
    keepKey("");
    speak("The key is forgotten");
  } else if (await askForKey(WHY_A_KEY)) {
    given();
  }
});
at("ask-cancel").addEventListener("click", () => at("ask").close(""));
at("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  at("ask").close("yes");
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    at("filter").select();
  } else if (event.key === "Escape" && event.target === at("filter")) {
    at("filter").value = "";
    filter();
  }
});
addEventListener("online", () => wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});

keepKey(sessionStorage.getItem(KEY) ?? "");
follow();
