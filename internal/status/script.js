// Refreshes the page in place (patch.js), filters and copies. The page works without it.
"use strict";

const main = document.getElementById("main");
const base = new URL("..", document.currentScript.src); // the exporter may be served below a path

// Filter: by the text that the server searches too. The address has it, to be passed on.
function filter() {
  const input = document.getElementById("filter");
  if (!input) return;
  const wanted = input.value.trim().toLowerCase();
  let hits = 0;
  for (const target of main.querySelectorAll("[data-search]")) {
    target.hidden = !target.dataset.search.includes(wanted);
    if (!target.hidden) hits++;
  }
  document.getElementById("nothing").hidden = hits > 0 || !wanted;
}
function filtered() {
  const address = new URL(location.href);
  const wanted = document.getElementById("filter").value.trim();
  if (wanted) address.searchParams.set("q", wanted);
  else address.searchParams.delete("q");
  history.replaceState(history.state, "", address);
  filter();
}
main.addEventListener("input", (e) => { if (e.target.id === "filter") filtered(); });
main.addEventListener("click", (e) => { // on an incident that the filter hides
  const link = e.target.closest(".incidents a");
  if (!link || !document.getElementById(decodeURIComponent(link.hash.slice(1)))?.hidden) return;
  document.getElementById("filter").value = "";
  filtered();
});
// Workload logins: the server filters them, since the page may have the first ones only.
function choose() {
  const address = new URL(location.href);
  const wanted = document.getElementById("namespace").value.trim();
  if (wanted) address.searchParams.set("namespace", wanted);
  else address.searchParams.delete("namespace");
  history.replaceState(history.state, "", address);
  scheduleRefresh(0);
}
main.addEventListener("change", (e) => { if (e.target.id === "namespace") choose(); });
main.addEventListener("submit", (e) => {
  e.preventDefault();
  if (document.getElementById("namespace")) choose();
});

// Folds: what the reader unfolded is so again when they come back from another page.
function showFolds() {
  for (const [id, open] of Object.entries(history.state?.folds || {})) {
    const fold = document.getElementById(id);
    if (fold) fold.open = open;
  }
}
main.addEventListener("toggle", (e) => { // does not bubble
  if (e.target.id) history.replaceState({ folds: { ...history.state?.folds, [e.target.id]: e.target.open } }, "");
}, true);

// Copy.
function showButtons() {
  for (const button of main.querySelectorAll(".copy, .probe [data-target]")) button.hidden = false;
  showSaid();
}
async function copy(button) {
  const text = button.parentElement.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS browsers offer no clipboard; the user can copy the selection.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".copy");
  if (button) copy(button);
});

// Probe now. What is said of a request survives a refresh.
const said = new Map(); // by target: text, whether the request is going on
function showSaid() {
  for (const button of main.querySelectorAll(".probe [data-target]")) {
    const [text, busy] = said.get(button.dataset.target) || ["", false];
    button.disabled = busy;
    setText(button.nextElementSibling, text);
  }
}
function setText(status, text) {
  if (status.textContent !== text) status.textContent = text; // screen readers read each change
}
function say(target, text, busy) {
  said.set(target, [text, busy]);
  showSaid();
}
async function probe(target) {
  say(target, "probing…", true);
  let text = "the exporter does not answer";
  try {
    const response = await fetch(new URL("api/v1/probe/" + encodeURIComponent(target), base), { method: "POST" });
    const wait = response.headers.get("Retry-After");
    text = response.ok ? "probed just now" : wait ? `probed too often: try again in ${wait} s` : (await response.text()).trim();
  } catch { /* the text says it */ }
  say(target, text, false);
  scheduleRefresh(0);
  setTimeout(() => { said.delete(target); showSaid(); }, 10000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".probe [data-target]");
  if (button) probe(button.dataset.target);
});

// Times. The server's clock counts, as in what it says itself (format.go).
let ahead = 0; // the server's clock, in ms
function setClock() {
  const now = document.querySelector("#now time");
  if (now) ahead = Date.parse(now.dateTime) - Date.now();
}
function approximate(seconds) {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}
function relative(time, now) {
  const seconds = (now - Date.parse(time)) / 1000;
  if (seconds < 0) return "in " + approximate(-seconds);
  return seconds < 1 ? "just now" : approximate(seconds) + " ago";
}
function showTimes() {
  const now = Date.now() + ahead, selection = getSelection();
  for (const time of document.querySelectorAll("time.ago")) {
    const text = relative(time.dateTime, now);
    if (text === time.textContent || (!selection.isCollapsed && selection.containsNode(time, true))) continue;
    if (time.firstChild) time.firstChild.data = text;
    else time.textContent = text;
  }
}

// Refresh: asks for what has changed since the version of this page, and patches it in.
function show(page) {
  const kept = new Map(), version = page.querySelector("meta[name=version]");
  resolve(page, kept);
  patch(main, page.querySelector("#main, template[data-keep=main]"), kept);
  document.title = page.title;
  document.querySelector("meta[name=version]")?.remove();
  if (version) document.head.append(version);
  setClock();
  showTimes();
  showButtons();
  filter();
}
let scheduled = false, refreshing = false, missed = false; // missed: something changed meanwhile
function scheduleRefresh(pause) {
  if (refreshing) missed = true;
  else if (!scheduled) setTimeout(refresh, pause);
  scheduled = true;
}
let pause = 300;
async function refresh() {
  const began = performance.now(), version = document.querySelector("meta[name=version]");
  [refreshing, missed] = [true, false];
  try {
    const address = new URL(location.href);
    address.searchParams.delete("q"); // what the filter hides is there when it is emptied
    if (version) address.searchParams.set("since", version.content);
    const response = await fetch(address, { cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    try {
      show(page);
    } catch {
      version.content = ""; // the next response is the whole page
      missed = true;
    }
    showConnection("live", false);
  } catch {
    showConnection(lost, true);
  }
  [refreshing, scheduled] = [false, false];
  // Spends at most a tenth of the time on refreshing.
  pause = Math.max(300, 10 * (performance.now() - began));
  if (missed) scheduleRefresh(pause);
}
const lost = "connection lost, this page is no longer updated";
function showConnection(text, isLost) {
  const live = document.getElementById("live");
  setText(live, text);
  live.classList.toggle("lost", isLost);
}
let events = null;
function follow() {
  events = new EventSource(new URL("api/v1/events", base));
  events.addEventListener("run", (e) => {
    if (!main.dataset.follows || main.dataset.follows === JSON.parse(e.data).target) scheduleRefresh(pause);
  });
  events.addEventListener("open", () => scheduleRefresh(0));
  events.addEventListener("error", () => showConnection(lost, true));
}
showButtons();
showFolds();
filter();
if (document.getElementById("live")) {
  setClock();
  setInterval(showTimes, 1000);
  setInterval(() => scheduleRefresh(0), 30000); // a result becomes stale without a run
  follow();
  // A page that is left and may come back keeps no connection.
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (e) => { if (e.persisted) follow(); });
}
